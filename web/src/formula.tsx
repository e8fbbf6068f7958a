import temml from "temml";
import { useLayoutEffect, useRef } from "preact/hooks";

/** A formula of the library's own in MathML; what comes from data is never written in LaTeX. */
export function Formula({ latex, block = false }: { latex: string; block?: boolean }) {
  const box = useRef<HTMLSpanElement>(null);
  useLayoutEffect(() => {
    if (box.current) temml.render(latex, box.current, { displayMode: block, throwOnError: false, trust: false });
  }, [latex, block]);
  return <span ref={box} class={block ? "formula block" : "formula"} tabIndex={block ? 0 : undefined} role={block ? "group" : undefined} aria-label={block ? "formula" : undefined} />;
}
