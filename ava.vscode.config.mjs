// `npm run test:vscode`: the extension packaged and activated, apart from `npm test`, which needs no vscode-languageclient.
export default { files: ["test/vscode/**/*.vscode.ts"], extensions: { ts: "module" }, nodeArguments: ["--import=tsx"], workerThreads: false, timeout: "3m", concurrency: 1 };
