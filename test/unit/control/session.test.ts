/** ControlSocket's protocol as `clicklet console` speaks it. */

import { expect, it } from 'vitest';
import { ChannelError } from '../../../src/control/channel.ts';
import { ControlSession } from '../../../src/control/session.ts';

const refuse = (message: string) =>
  new ChannelError('failed', [{ severity: 'error', element: -1, arg: -1, message }]);

function session() {
  const written: string[] = [];
  const values: Record<string, string> = {
    'c.count': '12',
    'c.text': 'two\nlines',
    'c.handlers': 'count\tr\nreset\tw\n',
  };
  return {
    written,
    s: new ControlSession({
      read: async (handler, parameter) => {
        if (parameter) return `<${parameter}>`;
        if (handler.startsWith('x.')) throw refuse("no element named 'x'");
        const value = values[handler];
        if (value === undefined) throw refuse(`no read handler '${handler}'`);
        return value;
      },
      write: async (handler, value) => {
        if (handler === 'c.count') throw refuse("no write handler 'c.count'");
        if (value === 'bad') throw refuse('not a number\nnor anything else');
        written.push(`${handler}=${value}`);
      },
    }),
  };
}

it.each([
  ['read c.count\n', "200 Read handler 'c.count' OK\r\nDATA 2\r\n12"],
  ['GET c.text\r\n', "200 Read handler 'c.text' OK\r\nDATA 9\r\ntwo\nlines"],
  ['read c.lookup 10.0.0.1 \n', "200 Read handler 'c.lookup' OK\r\nDATA 10\r\n<10.0.0.1>"],
  ['readdata c.lookup 3\na\nb', "200 Read handler 'c.lookup' OK\r\nDATA 5\r\n<a\nb>"],
  ['read x.y\n', "510 No element named 'x'\r\n"],
  ['read c.none\n', "511 No handler named 'c.none'\r\n"],
  ['read c.reset\n', "530 Handler 'c.reset' write-only\r\n"],
  ['write c.count 1\n', "530 Handler 'c.count' read-only\r\n"],
  [
    'write c.rate bad\n',
    "520-Write handler 'c.rate' error:\r\n520-not a number\r\n520 nor anything else\r\n",
  ],
  ['checkread c.count\n', "200 Read handler 'c.count' OK\r\n"],
  ['checkwrite c.count\n', "511 Handler 'c.count' not writable\r\n"],
  ['read\n', '500 Wrong number of arguments\r\n'],
  ['writedata c.rate lots\n', "500 Syntax error in 'WRITEDATA'\r\n"],
  ['dance\n', "501 Command 'DANCE' unimplemented\r\n"],
  ['\n\r\n', ''],
])('%j', async (input, output) => {
  const { s } = session();
  expect(await s.feed(Buffer.from(input))).toBe(output);
  expect(s.failed).toBe(/^5/.test(output));
});

it('takes its input in any pieces', async () => {
  const { s, written } = session();
  let out = '';
  for (const byte of Buffer.from('writedata c.rate 5\n1\n2\n3write c.rate 7\nquit\nread c.count\n'))
    out += await s.feed(Buffer.from([byte]));
  expect(written).toEqual(['c.rate=1\n2\n3', 'c.rate=7']);
  expect(out).toBe("200 Write handler 'c.rate' OK\r\n200 Write handler 'c.rate' OK\r\n200 Goodbye!\r\n");
  expect(s.ended).toBe(true);
});

it('ends what never ends', async () => {
  const { s } = session();
  expect(await s.feed(Buffer.alloc(70_000, 'x'))).toBe('500 Line too long\r\n');
  expect(s.ended).toBe(true);
});
