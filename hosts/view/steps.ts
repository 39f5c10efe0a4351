// A place in a model as containers: `blocks[3].attention` of a program, `/encoder/layer.3/attention` of an exporter.

/** The steps of a place, the outermost first. */
export const steps = (path: string): string[] => (path.includes("/") ? path.split("/") : path.split(".")).filter((step) => step !== "");
