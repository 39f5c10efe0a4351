// A browser without a window, for looking at pages as their readers do.
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { ROOT } from "../support/program.ts";
import { temporaryFolder } from "../support/safetensors-file.ts";

/** Where Debian puts it; another one by CHROMIUM. */
const BROWSER = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** A page, and what went wrong on it. */
export interface Seen {
  readonly page: Page;
  /** Errors of scripts and of loading, and addresses beyond this machine that were asked for. */
  readonly wrong: readonly string[];
  close(): Promise<void>;
}

export async function open(address: string, { dark = false, width = 1400, height = 860 }: { readonly dark?: boolean; readonly width?: number; readonly height?: number } = {}): Promise<Seen> {
  if (!existsSync(BROWSER)) throw new Error(`There is no browser at ${BROWSER}; name one by CHROMIUM.`);
  const context: BrowserContext = await chromium.launchPersistentContext(temporaryFolder(), {
    executablePath: BROWSER, headless: true, viewport: { width, height }, colorScheme: dark ? "dark" : "light",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const wrong: string[] = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("console", (message) => { if (message.type() === "error") wrong.push(message.text()); });
  page.on("request", (request) => { if (!/^(file:|data:|blob:|http:\/\/127\.0\.0\.1:)/.test(request.url())) wrong.push(`asks for ${request.url()}`); });
  await page.goto(address);
  return { page, wrong, close: () => context.close() };
}

/** Keeps a picture for people in build/pictures; with UPDATE=1 those in docs/pictures are made anew. */
export async function picture(page: Page, name: string): Promise<void> {
  const path = join(ROOT, process.env.UPDATE ? "docs/pictures" : "build/pictures", `${name}.png`);
  mkdirSync(dirname(path), { recursive: true });
  await page.screenshot({ path });
}
