/** What a name stands for: a declared class, a known class, an element, or nothing. */

import type { Name } from '../lang/ast.ts';
import type { Note } from '../lang/diagnostics.ts';
import { kernelOnly } from '../lang/kernel-classes.ts';
import type { Span } from '../lang/source.ts';
import { suggest } from '../lang/suggest.ts';
import type { Elaboration } from './context.ts';
import type { ElementType, PrimitiveType, Scope } from './scope.ts';

export class Names {
  readonly #elaboration: Elaboration;
  /** Without a class table, names that were used as classes though nothing declares them. */
  readonly #assumed = new Set<string>();
  readonly #unknownClasses = new Map<string, { span: Span; scope: Scope }>();
  readonly #undeclared = new Map<Scope, Map<string, Span>>();

  constructor(elaboration: Elaboration) {
    this.#elaboration = elaboration;
  }

  /** The class of that name at this moment, if there is one. */
  classNamed(name: string, scope: Scope): ElementType | undefined {
    const declared = scope.typeNamed(name);
    if (declared) return declared;
    const { classes } = this.#elaboration.options;
    return classes?.has(name) || this.#assumed.has(name) ? { kind: 'primitive', name } : undefined;
  }

  /** What `...` in a class of that name extends. */
  classToExtend(name: string, scope: Scope): ElementType | undefined {
    const type = this.classNamed(name, scope);
    return type || this.#elaboration.options.classes ? type : { kind: 'primitive', name };
  }

  /** The class that a declaration names. */
  classFor(reference: Name, scope: Scope): ElementType {
    const type = this.classNamed(reference.text, scope);
    if (type) return type;
    const index = scope.indexOf(reference.text);
    if (index !== undefined) {
      const declaration = { message: 'declared here', span: scope.elements[index]!.span };
      const message = `'${reference.text}' was previously used as an element name`;
      this.#elaboration.diagnostics.error(reference.span, message, [declaration]);
    }
    return this.#unknownClass(reference.text, reference.span, scope);
  }

  /**
   * The class to assume for a name that is neither an element nor a class. With a configuration the
   * name can only mean a class; otherwise an element that was never declared.
   */
  assumeClass(name: string, hasConfig: boolean, span: Span, scope: Scope): ElementType {
    if (hasConfig || !this.#elaboration.options.classes) return this.#unknownClass(name, span, scope);
    const inScope = this.#undeclared.get(scope) ?? new Map<string, Span>();
    this.#undeclared.set(scope, inScope);
    if (!inScope.has(name)) inScope.set(name, span);
    return { kind: 'primitive', name, unknown: true };
  }

  #unknownClass(name: string, span: Span, scope: Scope): PrimitiveType {
    if (!this.#elaboration.options.classes) {
      this.#assumed.add(name);
      return { kind: 'primitive', name };
    }
    if (!this.#unknownClasses.has(name)) this.#unknownClasses.set(name, { span, scope });
    return { kind: 'primitive', name, unknown: true };
  }

  /** Report each unknown class once, and each undeclared element once a scope. */
  report(): void {
    const { diagnostics, options } = this.#elaboration;
    const classNames = [...(options.classes?.names() ?? [])];
    for (const [name, { span, scope }] of this.#unknownClasses) {
      const notes = laterClass(name, scope);
      const guess =
        notes.length > 0 ? '' : kernelOnly(name) || suggest(name, [...classNames, ...scope.typeNames()]);
      diagnostics.error(span, `unknown element class '${name}'${guess}`, notes);
    }
    for (const [scope, names] of this.#undeclared)
      for (const [name, span] of names) {
        const index = scope.indexOf(name);
        const notes = laterClass(name, scope);
        let guess = '';
        if (name === 'input' || name === 'output')
          notes.push({ message: `'${name}' exists inside compound elements and groups only`, span });
        else if (index === undefined && notes.length === 0)
          guess = suggest(name, [...classNames, ...scope.typeNames(), ...scope.declaredNames()]);
        else if (index !== undefined)
          notes.push({
            message: 'declared only here, after its first use',
            span: scope.elements[index]!.span,
          });
        diagnostics.error(span, `undeclared element '${name}'${guess}`, notes);
      }
  }
}

/** A class takes effect where its declaration ends: is there one of that name, further down? */
function laterClass(name: string, scope: Scope): Note[] {
  const type = scope.typeNamed(name);
  const body = type?.kind === 'compound' ? type.overloads[0] : undefined;
  return body ? [{ message: 'this class is declared only here, after its first use', span: body.span }] : [];
}
