/** ControlSocket's protocol over the handlers of a virtual router: what `clicklet console` speaks. */

import { ChannelError } from './channel.ts';

/** What a session needs of a virtual router. All strings are bytes, a character each (latin1). */
export interface Handlers {
  read(handler: string, parameter?: string): Promise<string>;
  write(handler: string, value?: string): Promise<void>;
}

const HELP = [
  'Commands:',
  'READ handler [arg...]    read a handler',
  'READDATA handler n       read a handler; the n bytes behind the line are its parameter',
  'WRITE handler [arg...]   write a handler',
  'WRITEDATA handler n      write a handler; the value follows as n bytes',
  'CHECKREAD handler        whether a handler can be read',
  'CHECKWRITE handler       whether a handler can be written',
  'QUIT                     end the session',
];
const LINE_MAX = 65_536;
const DATA_MAX = 16 << 20;

/** `code-line` for all but the last, which is `code line`. */
const answer = (code: number, ...lines: string[]): string =>
  lines.map((l, i) => `${code}${i + 1 < lines.length ? '-' : ' '}${l}\r\n`).join('');

/** A command's first words, and the rest of its line. */
function words(line: string): { command: string; name: string; rest: string } {
  const [, command = '', name = '', rest = ''] = /^\s*(\S*)\s*(\S*)\s*(.*?)\s*$/s.exec(line) ?? [];
  return { command: command.toUpperCase(), name, rest };
}

/** Feed it bytes; it hands out the answers, in order, as strings of bytes. */
export class ControlSession {
  static readonly greeting = 'Click::ControlSocket/1.3\r\n';
  readonly #handlers: Handlers;
  #in = Buffer.alloc(0);
  /** A command failed. */
  failed = false;
  /** QUIT was asked for, or the input cannot be understood any more. */
  ended = false;

  constructor(handlers: Handlers) {
    this.#handlers = handlers;
  }

  /** More input; `end`: there will be none. Resolves with the answers to all whole commands in it. */
  async feed(data: Uint8Array, end = false): Promise<string> {
    this.#in = Buffer.concat([this.#in, data]);
    let out = '';
    while (!this.ended && this.#in.length) {
      const eol = this.#in.indexOf('\n');
      if (eol < 0 && !end) {
        if (this.#in.length > LINE_MAX) {
          this.ended = true;
          out += this.#fail(500, 'Line too long');
        }
        break;
      }
      const line = this.#in.subarray(0, eol < 0 ? undefined : eol).toString('latin1');
      const behind = eol < 0 ? this.#in.length : eol + 1;
      const { command, name, rest } = words(line);
      let data = '';
      let used = behind;
      if (/^(READDATA|WRITEDATA|SETDATA)$/.test(command) && name && rest) {
        const n = /^\d{1,9}$/.test(rest) ? Number(rest) : DATA_MAX + 1;
        if (n > DATA_MAX) {
          this.#in = this.#in.subarray(behind);
          out += this.#fail(500, `Syntax error in '${command}'`);
          continue;
        }
        if (this.#in.length - behind < n && !end) break;
        data = this.#in.subarray(behind, behind + n).toString('latin1');
        used = Math.min(behind + n, this.#in.length);
      }
      this.#in = this.#in.subarray(used);
      out += await this.#command(command, name, rest, data);
    }
    if (end) this.ended = true;
    return out;
  }

  #fail(code: number, ...lines: string[]): string {
    this.failed = true;
    return answer(code, ...lines);
  }

  async #command(command: string, name: string, rest: string, data: string): Promise<string> {
    switch (command) {
      case '':
        return '';
      case 'QUIT':
      case 'CLOSE':
        this.ended = true;
        return answer(200, 'Goodbye!');
      case 'HELP':
        return answer(200, ...HELP);
      case 'READ':
      case 'GET':
        return name ? this.#read(name, rest) : this.#fail(500, 'Wrong number of arguments');
      case 'READDATA':
        return name && rest ? this.#read(name, data) : this.#fail(500, 'Wrong number of arguments');
      case 'WRITE':
      case 'SET':
        return name ? this.#write(name, rest) : this.#fail(500, 'Wrong number of arguments');
      case 'WRITEDATA':
      case 'SETDATA':
        return name && rest ? this.#write(name, data) : this.#fail(500, 'Wrong number of arguments');
      case 'CHECKREAD':
      case 'CHECKWRITE':
        return name
          ? this.#check(name, command === 'CHECKWRITE')
          : this.#fail(500, 'Wrong number of arguments');
      default:
        return this.#fail(501, `Command '${command}' unimplemented`);
    }
  }

  async #read(name: string, parameter: string): Promise<string> {
    try {
      const value = await this.#handlers.read(name, parameter);
      return `${answer(200, `Read handler '${name}' OK`)}DATA ${value.length}\r\n${value}`;
    } catch (e) {
      return this.#refused(e, name, 590, `Read handler '${name}' error:`);
    }
  }

  async #write(name: string, value: string): Promise<string> {
    try {
      await this.#handlers.write(name, value);
      return answer(200, `Write handler '${name}' OK`);
    } catch (e) {
      return this.#refused(e, name, 520, `Write handler '${name}' error:`);
    }
  }

  async #refused(e: unknown, name: string, code: number, heading: string): Promise<string> {
    if (!(e instanceof ChannelError) || e.status !== 'failed') throw e;
    const lines = Buffer.from(e.message).toString('latin1').split('\n');
    const first = lines[0] ?? '';
    if (/^no element named/i.test(first)) return this.#fail(510, `No element named '${name.split('.')[0]}'`);
    if (/^no (read|write) handler/.test(first))
      return (await this.#flags(name)) === undefined
        ? this.#fail(511, `No handler named '${name}'`)
        : this.#fail(530, `Handler '${name}' ${code === 520 ? 'read-only' : 'write-only'}`);
    return this.#fail(code, heading, ...lines);
  }

  /** What `handlers` says about one: `r`, `w` and more; undefined where there is none of that name. */
  async #flags(name: string): Promise<string | undefined> {
    const dot = name.lastIndexOf('.');
    const list = await this.#handlers.read(dot < 0 ? 'handlers' : `${name.slice(0, dot)}.handlers`);
    const lines = list.split('\n').map((l) => l.split('\t'));
    return lines.find(([handler]) => handler === name.slice(dot + 1))?.[1];
  }

  async #check(name: string, write: boolean): Promise<string> {
    let flags: string | undefined;
    try {
      flags = await this.#flags(name);
    } catch (e) {
      return this.#refused(e, name, 511, `No handler named '${name}'`);
    }
    if (flags === undefined) return this.#fail(511, `No handler named '${name}'`);
    if (!flags.includes(write ? 'w' : 'r'))
      return this.#fail(511, `Handler '${name}' not ${write ? 'writable' : 'readable'}`);
    return answer(200, `${write ? 'Write' : 'Read'} handler '${name}' OK`);
  }
}
