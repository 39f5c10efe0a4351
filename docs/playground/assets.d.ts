// What Vite makes of files that are imported by their address or as text.
/// <reference types="vite/client" />
