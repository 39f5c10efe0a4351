// Long answers stop in between, so that what has been asked or cancelled meanwhile is heard of.

/** Lets messages in. */
export const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
