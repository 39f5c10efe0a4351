// `npm run test:browser`: pages in headless Chromium, apart from `npm test`, which needs no browser.
export default { files: ["test/browser/**/*.browser.ts"], extensions: { ts: "module" }, nodeArguments: ["--import=tsx"], workerThreads: false, timeout: "5m", concurrency: 1 };
