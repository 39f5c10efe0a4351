// The JavaScript that an import of a program becomes. It holds no code of the runtime: that stays outside of the bundle, and is asked for when the pipeline is opened.
import { MODULE_FORMAT } from "../../runtime/generated.ts";
import { refuse } from "../../runtime/errors.ts";
import type { KeptBuild } from "../build-cache.ts";

const RUNTIME = "kirigami/runtime";

interface ModuleParts {
  readonly build: Pick<KeptBuild, "manifest" | "sha256">;
  /** An expression of JavaScript: the URL of the artefact's directory, with a slash at its end. */
  readonly url: string;
  /** A page has no runtime, and its bundle does not name it. */
  readonly isForPage: boolean;
}

export function moduleCode({ build: { manifest, sha256 }, url, isForPage }: ModuleParts): string {
  const inPage = refuse("R761", { pipeline: manifest.pipeline.name });
  const misfit = refuse("R762", { found: `${MODULE_FORMAT}`, by: manifest.kirigami, wanted: "another one" });
  const opens = isForPage
    ? `  throw fault(${JSON.stringify(inPage.plain())});`
    : `  if (typeof process === "undefined" || !process.versions?.node) throw fault(${JSON.stringify(inPage.plain())});
  const runtime = await import("${RUNTIME}");
  if (typeof runtime.generatedArtifact !== "function") throw fault(${JSON.stringify(misfit.plain())});
  return runtime.Session.load(await runtime.generatedArtifact({ format: ${MODULE_FORMAT}, kirigami: manifest.kirigami, artifact, sha256: "${sha256}" }), options);`;
  return `// Made by kirigami ${manifest.kirigami} from ${manifest.pipeline.file}.
const artifact = ${url};
const manifest = ${JSON.stringify(manifest)};
const fault = ({ code, says, next }) => Object.assign(new Error(\`\${code}: \${says}\\n\${next}\`), { name: "RuntimeError", code, says, next });
async function open(options) {
${opens}
}
export default { artifact, manifest, open };
`;
}
