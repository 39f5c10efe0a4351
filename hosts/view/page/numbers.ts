// Shares and times as the page tells them.

export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

export const milliseconds = (value: number): string => `${value.toFixed(value < 1 ? 3 : 2)} ms`;
