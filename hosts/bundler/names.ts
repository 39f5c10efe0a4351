// Names that all parts of the plugin share.
export const PLUGIN = "kirigami";
/** What stays outside of every bundle: the runtime, and the native library below it. */
export const NATIVE = /^(?:kirigami\/runtime|onnxruntime-node)$/;
