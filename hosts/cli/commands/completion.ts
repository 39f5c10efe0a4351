// `kiri completion SHELL`: a script for bash, zsh or fish, made from the commands as they are declared.
import { Argument, type Command, type Option } from "commander";
import { type Context, examples } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../problems.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

export function addCompletion(program: Command, context: Context): void {
  const command = program
    .command("completion")
    .description("print a script that completes commands and options")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .option("--json", "print JSON")
    .action((shell: Shell, options: { readonly json?: boolean }) => {
      const script = scripts[shell](described(program));
      if (options.json) printJson(context.io, "completion", EXIT.success, [], { shell, script });
      else context.io.stdout.write(script);
      context.finish(EXIT.success);
    });
  examples(command, [
    ['eval "$(kiri completion bash)"', "in ~/.bashrc"],
    ['eval "$(kiri completion zsh)"', "in ~/.zshrc"],
    ["kiri completion fish > ~/.config/fish/completions/kiri.fish", "once"],
  ]);
}

interface Described {
  readonly name: string;
  readonly says: string;
  readonly options: readonly { readonly flag: string; readonly says: string; readonly choices: readonly string[]; readonly takesValue: boolean }[];
  /** Words that an argument may be. */
  readonly choices: readonly string[];
}

function described(program: Command): Described[] {
  return program.commands.map((c) => ({
    name: c.name(), says: c.description(),
    options: [...c.options, ...program.createHelp().visibleOptions(c).filter((o) => !c.options.includes(o))].map(optionOf),
    choices: c.registeredArguments.flatMap((a) => [...(a.argChoices ?? [])]),
  }));
}

const optionOf = (o: Option): Described["options"][number] => ({ flag: o.long ?? o.short ?? "", says: o.description, choices: [...(o.argChoices ?? [])], takesValue: o.required || o.optional });

const scripts: Record<Shell, (commands: readonly Described[]) => string> = { bash, zsh, fish };

function bash(commands: readonly Described[]): string {
  const cases = commands.map((c) => `    ${c.name}) words="${[...c.options.map((o) => o.flag), ...c.choices].join(" ")}" ;;`);
  const values = commands.flatMap((c) => c.options.filter((o) => o.choices.length > 0).map((o) => `    "${c.name} ${o.flag}") COMPREPLY=($(compgen -W "${o.choices.join(" ")}" -- "$word")); return ;;`));
  return `# kiri completion for bash
_kiri() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map((c) => c.name).join(" ")}" -- "$word"))
    return
  fi
  case "$command $before" in
${values.join("\n")}
  esac
  case "$command" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word") $(compgen -f -- "$word"))
}
complete -o filenames -F _kiri kiri kirigami
`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function zsh(commands: readonly Described[]): string {
  const escaped = (text: string): string => text.replaceAll("[", "\\[").replaceAll("]", "\\]").replaceAll(":", "\\:");
  const option = (o: Described["options"][number]): string => quoted(`${o.flag}[${escaped(o.says)}]${o.takesValue ? `:value:${o.choices.length ? `(${o.choices.join(" ")})` : "_files"}` : ""}`);
  const cases = commands.map((c) => `    ${c.name}) _arguments ${[...c.options.map(option), quoted(c.choices.length ? `*:what:(${c.choices.join(" ")})` : "*:file:_files")].join(" ")} ;;`);
  return `#compdef kiri kirigami
# kiri completion for zsh
_kiri() {
  local -a commands=(${commands.map((c) => quoted(`${c.name}:${escaped(c.says)}`)).join(" ")})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases.join("\n")}
  esac
}
compdef _kiri kiri kirigami
`;
}

function fish(commands: readonly Described[]): string {
  const lines = commands.flatMap((c) => [
    `complete -c kiri -n __fish_use_subcommand -f -a ${c.name} -d ${quoted(c.says)}`,
    ...c.options.map((o) => `complete -c kiri -n '__fish_seen_subcommand_from ${c.name}' -l ${o.flag.replace(/^-+/, "")} -d ${quoted(o.says)}${o.takesValue ? ` -r${o.choices.length ? ` -f -a ${quoted(o.choices.join(" "))}` : ""}` : ""}`),
    ...(c.choices.length ? [`complete -c kiri -n '__fish_seen_subcommand_from ${c.name}' -f -a ${quoted(c.choices.join(" "))}`] : []),
  ]);
  return `# kiri completion for fish\n${lines.join("\n")}\ncomplete -c kirigami -w kiri\n`;
}
