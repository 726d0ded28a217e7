/** The monitor refused or broke: `exitCode` is its own documented status. */
export class VmError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}
