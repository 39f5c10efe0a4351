// Takes out what does nothing and merges what does one thing: the identities of arithmetic and of movement, together to a fixed point.
import { algebra } from "./algebra.ts";
import { movement } from "./movement.ts";
import { pass } from "./pass.ts";

export default pass("simplify", { needs: "tensor", leaves: "tensor", exact: true, rules: [...algebra, ...movement] });
