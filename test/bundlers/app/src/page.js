// Code of a page: it may know the pipeline, and is told when it opens it.
import classify from "./classify.kiri";

export const name = classify.manifest.pipeline.name;
export const open = () => classify.open();
if (import.meta.hot) import.meta.hot.accept("./classify.kiri", () => undefined);
