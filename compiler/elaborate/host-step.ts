// What the host must do before the graph runs: decode a picture, cut a text into tokens. Declared here, carried out by the runtime.

export type HostStep =
  | {
      readonly kind: "image";
      readonly input: string;
      readonly tensor: string;
      readonly channels: number;
      readonly height: number;
      readonly width: number;
      readonly resize: string;
    }
  | {
      readonly kind: "text";
      readonly input: string;
      /** Folder of the tokenizer's files. */
      readonly tokenizer: string;
      readonly tensors: { readonly ids: string; readonly mask: string; readonly types: string };
      readonly maxLength: number;
    };
