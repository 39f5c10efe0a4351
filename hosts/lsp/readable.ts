// Which files are looked at token by token: those that the parser takes too.
import { LARGEST } from "../../grammar/parse.ts";
import type { Source } from "../../grammar/source.ts";

export const readable = ({ text }: Source): boolean => text.length <= LARGEST;
