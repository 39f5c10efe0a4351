// After fusing: takes out what the fused ops left behind, with the same identities as before.
import { algebra } from "./algebra.ts";
import { movement } from "./movement.ts";
import { pass } from "./pass.ts";

export default pass("settle", { needs: "fused", leaves: "fused", exact: true, rules: [...algebra, ...movement] });
