// The project of the playground: the library and a small trained model, as files that the build puts beside the page.
import config from "../../pipelines/models/tiny-vit-mnist/config.json?url";
import weights from "../../pipelines/models/tiny-vit-mnist/model.safetensors?url";
import processor from "../../pipelines/models/tiny-vit-mnist/preprocessor_config.json?url";

const FOLDER = "models/tiny-vit-mnist";

export async function modelFiles(): Promise<Map<string, Uint8Array>> {
  const files = { "config.json": config, "model.safetensors": weights, "preprocessor_config.json": processor };
  return new Map(await Promise.all(Object.entries(files).map(async ([name, address]): Promise<[string, Uint8Array]> => {
    const response = await fetch(address);
    if (!response.ok) throw new Error(`${name} of the model cannot be read: ${response.status} ${response.statusText}`);
    return [`${FOLDER}/${name}`, new Uint8Array(await response.arrayBuffer())];
  })));
}

const texts = import.meta.glob<string>("../../stdlib/**/*.kiri", { query: "?raw", import: "default", eager: true });

/** Texts by module: `folds/tome`. */
export const library = new Map(Object.entries(texts).map(([path, text]) => [path.replace(/^.*\/stdlib\//, "").replace(/\.kiri$/, ""), text]));
