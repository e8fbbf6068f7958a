import { createContext } from "preact";
import { useContext, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Store, type State } from "./store";
import { say, type Word } from "./words";

export const StoreContext = createContext<Store | null>(null);

export interface Lab {
  store: Store;
  state: State;
  t: (word: Word) => string;
}

/** The store, its present state, and words in the chosen language; the component is drawn anew when one of the named
 * parts of the state changes (or its parent is). */
export function useLab(...parts: (keyof State)[]): Lab {
  const store = useContext(StoreContext)!;
  const [, redraw] = useState(0);
  const drawn = useRef(store.state);
  drawn.current = store.state;
  useLayoutEffect(() => {
    const look = () => {
      const changed = ["language", "dark", ...parts].some((part) => store.state[part as keyof State] !== drawn.current[part as keyof State]);
      if (changed) redraw((n) => n + 1);
    };
    look(); // what has changed since it was drawn, before anybody listened
    return store.subscribe(look);
  }, [store]);
  return { store, state: store.state, t: (word) => say(store.state.language, word) };
}
