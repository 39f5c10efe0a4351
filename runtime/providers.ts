// Devices: which execution providers there are, what each needs, and what of that is missing.
import { existsSync, readdirSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, join } from "node:path";
import { RuntimeError, reasonOf, refuse } from "./errors.ts";
import { libraryFolder, loadOnnxRuntime, onnxRuntimeVersion } from "./onnxruntime.ts";

/** What `auto` took, or what was asked for, and why. */
export interface Device {
  readonly name: string;
  readonly why: string;
}

export interface Library {
  readonly name: string;
  /** The PyPI package or the system's part that has it. */
  readonly from: string;
  readonly found: boolean;
  readonly why: string;
}

export interface Provider {
  readonly name: string;
  /** It can be asked for; whether it works, only opening a model shows. */
  readonly ready: boolean;
  readonly libraries: readonly Library[];
  readonly why: string;
}

export interface Probe {
  readonly onnxruntime: string | undefined;
  readonly folder: string | undefined;
  readonly providers: readonly Provider[];
}

/** CUDA 13 and cuDNN 9, each after those that it needs; the version of ONNX Runtime decides which. */
const CUDA_LIBRARIES: readonly (readonly [library: string, from: string])[] = [
  ["libcuda.so.1", "the NVIDIA driver"],
  ["libcudart.so.13", "nvidia-cuda-runtime"],
  ["libnvrtc.so.13", "nvidia-cuda-nvrtc"],
  ["libcublasLt.so.13", "nvidia-cublas"],
  ["libcublas.so.13", "nvidia-cublas"],
  ["libcurand.so.10", "nvidia-curand"],
  ["libnvJitLink.so.13", "nvidia-nvjitlink"],
  ["libcufft.so.12", "nvidia-cufft"],
  ["libcudnn.so.9", "nvidia-cudnn-cu13"],
];
/** Libraries of ONNX Runtime that its npm package lacks; they must lie beside its own. */
const PROVIDER_LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  cuda: ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"],
  tensorrt: ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so", "libonnxruntime_providers_tensorrt.so"],
};

/** RTLD_NODELETE, which Node does not name: a library that was loaded stays. */
const KEEP = 0x1000;

const needsCuda = (device: string): boolean => device === "cuda" || device === "tensorrt";

/** Folders named by `KIRIGAMI_CUDA` (as in PATH), then where CUDA usually lies; folders of `nvidia-*` packages are looked through. */
function cudaFolders(): string[] {
  const named = (process.env.KIRIGAMI_CUDA ?? "").split(delimiter).filter((f) => f !== "");
  const usual = [process.env.CUDA_PATH && join(process.env.CUDA_PATH, "lib64"), "/usr/local/cuda/lib64", libraryFolder()].filter((f): f is string => Boolean(f));
  return [...named.flatMap((folder) => [folder, ...packagesBelow(folder)]), ...usual].filter(existsSync);
}

/** `nvidia/<package>/lib` below a folder of Python packages. */
function packagesBelow(folder: string): string[] {
  const roots = [folder, join(folder, "nvidia")].filter(existsSync);
  return roots.flatMap((root) => readdirSync(root, { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => join(root, e.name, "lib")));
}

/** Loads a library for those that come after it. Node calls every library that is no addon an error, after loading it. */
function load(path: string): string | undefined {
  const { RTLD_LAZY, RTLD_GLOBAL } = constants.dlopen;
  try {
    process.dlopen({ exports: {} } as NodeJS.Module, path, RTLD_LAZY | RTLD_GLOBAL | KEEP);
    return undefined;
  } catch (error) {
    const why = reasonOf(error);
    return /did not self-register|Module did not/i.test(why) ? undefined : why;
  }
}

function loadLibrary(name: string): string | undefined {
  const whole = cudaFolders().map((folder) => join(folder, name)).filter(existsSync);
  let why = "";
  for (const candidate of [...whole, name]) {
    const failed = load(candidate);
    if (failed === undefined) return undefined;
    why = why === "" ? failed : why;
  }
  return why;
}

function cudaLibraries(): Library[] {
  return CUDA_LIBRARIES.map(([name, from]) => {
    const why = loadLibrary(name);
    return { name, from, found: why === undefined, why: why ?? "" };
  });
}

function providerLibraries(device: string): Library[] {
  const folder = libraryFolder() ?? "";
  return (PROVIDER_LIBRARIES[device] ?? []).map((name) => {
    const found = existsSync(join(folder, name));
    return { name, from: `onnxruntime-gpu ${onnxRuntimeVersion() ?? ""}`.trim(), found, why: found ? "" : `it is not in ${folder}` };
  });
}

/** The libraries that a device needs beyond ONNX Runtime itself. Those that are there are loaded, wherever they lie, so that no LD_LIBRARY_PATH is needed. */
function librariesOf(device: string): Library[] {
  return needsCuda(device) && process.platform === "linux" ? [...providerLibraries(device), ...cudaLibraries()] : [];
}

/** Why CUDA need not be tried, or undefined. */
function whyNoCuda(): string | undefined {
  if (process.platform === "darwin") return "there is no CUDA on macOS";
  if (process.platform === "linux" && process.arch !== "x64") return `onnxruntime-node has no CUDA for ${process.arch}`;
  const [first, ...others] = librariesOf("cuda").filter((l) => !l.found);
  return first && `CUDA lacks ${first.name} (${first.from})${others.length > 0 ? ` and ${others.length} more, which \`kiri doctor\` lists` : ""}`;
}

async function knownDevices(): Promise<string[]> {
  const { listSupportedBackends } = await loadOnnxRuntime();
  // In the package's types since 1.17, but only as what it was compiled with: no proof that it works.
  return listSupportedBackends().map((b) => b.name);
}

/** What `kiri doctor` shows. */
export async function probe(): Promise<Probe> {
  const known = await knownDevices().catch((error: unknown) => {
    if (error instanceof RuntimeError) return [];
    throw error;
  });
  const providers = known.map((name): Provider => {
    const libraries = librariesOf(name);
    const missing = libraries.filter((l) => !l.found);
    return { name, libraries, ready: missing.length === 0, why: missing.length === 0 ? "nothing is missing" : `missing: ${missing.map((l) => `${l.name} (${l.from})`).join(", ")}` };
  });
  return { onnxruntime: onnxRuntimeVersion(), folder: libraryFolder(), providers };
}

/** Refuses a device that this ONNX Runtime lacks (it would take the CPU without a word) or whose libraries are missing, and loads those libraries. */
export async function requireDevice(device: string): Promise<void> {
  if (device === "cpu") return;
  const known = await knownDevices();
  if (!known.includes(device)) throw refuse("R721", { found: device, known });
  const missing = librariesOf(device).filter((l) => !l.found);
  if (missing.length > 0) throw refuse("R722", { device, why: `it lacks ${missing.map((l) => `${l.name} (from ${l.from})`).join(", ")}.` });
}

/** Opens something on the device that was asked for: strictly where it is named, on what works for `auto`. */
export async function openOn<T>(wanted: string, open: (device: string) => Promise<T>): Promise<{ opened: T; device: Device }> {
  if (wanted !== "auto") return { opened: await open(wanted), device: { name: wanted, why: "it was asked for" } };
  const none = whyNoCuda();
  if (none !== undefined) return { opened: await open("cpu"), device: { name: "cpu", why: none } };
  try {
    return { opened: await open("cuda"), device: { name: "cuda", why: "CUDA works here" } };
  } catch (error) {
    const why = `CUDA does not work here: ${error instanceof RuntimeError ? error.says : reasonOf(error)}`;
    return { opened: await open("cpu"), device: { name: "cpu", why } };
  }
}
