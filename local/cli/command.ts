/** What a command of the command line is: its options, from which its help is printed, and what it does. */

export interface Option {
  /** What stands for its value in the help. Undefined: the option has none. */
  value?: string;
  /** It may be given several times. */
  isList?: boolean;
  help: string;
}

export type Options = Record<string, Option>;

export type Values<Known extends Options> = {
  [Name in keyof Known]?: Value<Known[Name]> | undefined;
};

type Value<Known extends Option> = Known extends { isList: true }
  ? string[]
  : Known extends { value: string }
    ? string
    : true;

export interface Command<Known extends Options = Options> {
  /** One line, for the list of all commands. */
  summary: string;
  /** What stands behind the name, as in `<user>…`; empty: nothing may. */
  operands: string;
  options: Known;
  /** What its help says below the options. */
  notes?: string;
  /** Throws an error of one line for whoever typed it. */
  run(operands: string[], values: Values<Known>): Promise<void>;
}

/** Keeps the names of the options, so that `run` is given exactly these. */
export const defineCommand = <const Known extends Options>(command: Command<Known>): Command<Known> =>
  command;
