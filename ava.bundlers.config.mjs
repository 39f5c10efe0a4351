// `npm run test:bundlers`: real builds by real bundlers, apart from `npm test`; takes some minutes.
export default { files: ["test/bundlers/*.bundlers.ts"], extensions: { ts: "module" }, nodeArguments: ["--import=tsx"], workerThreads: false, timeout: "10m", concurrency: 2 };
