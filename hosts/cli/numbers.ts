// Numbers on the command line: read, or refused with what is wanted.
import { InvalidArgumentError } from "commander";

const asked = (wanted: string, isMeant: (value: number) => boolean) => (text: string): number => {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!isMeant(value)) throw new InvalidArgumentError(`A ${wanted} is wanted.`);
  return value;
};

export const wholeNumber = asked("whole number from 1", (value) => Number.isSafeInteger(value) && value >= 1);
export const countFrom0 = asked("whole number from 0", (value) => Number.isSafeInteger(value) && value >= 0);
export const numberFrom0 = asked("number from 0", (value) => Number.isFinite(value) && value >= 0);
export const share = asked("number between 0 and 1", (value) => value > 0 && value < 1);
export const minutes = asked("number of minutes", (value) => value > 0);
