// `npm run test:vscode`: the extension packaged and activated, apart from `npm test`, because packaging it and waiting for servers that end take half a minute.
export default { files: ["test/vscode/**/*.vscode.ts"], extensions: { ts: "module" }, nodeArguments: ["--import=tsx"], workerThreads: false, timeout: "3m", concurrency: 1 };
