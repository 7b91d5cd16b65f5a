// Part 1 of the outline script: the page's functions as they were before the page could replace them.
//
// All parts share one function scope (`outline.py` joins them). Nothing here calls a method that a page can override:
// no array or string methods, no iterators, no regular expressions; plain indexing and these captured functions only.
// The getters also keep a form with an input named "children" or "id" from shadowing what is asked of it.

const uncurried = (() => {
  const bind = Function.prototype.bind;
  const call = Function.prototype.call;
  const apply = Reflect.apply;
  return (fn) => apply(bind, call, [fn]);
})();
const getterOf = (prototype, name) => {
  const found = Object.getOwnPropertyDescriptor(prototype, name);
  return found && found.get ? uncurried(found.get) : () => null;
};
// For what only some elements have: "" from an element that merely bears their name, as one of another namespace does.
const softGetterOf = (prototype, name) => {
  const read = getterOf(prototype, name);
  return (el) => {
    try {
      return read(el);
    } catch {
      return "";
    }
  };
};
// A map whose methods are its own, so that later changes to the prototype do not reach it.
const sealed = (map) => {
  for (const name of ["get", "set", "has", "delete", "add"]) {
    if (map[name]) Object.defineProperty(map, name, { value: map[name] });
  }
  return map;
};

const reflectApply = Reflect.apply;
const freeze = Object.freeze;
const quote = JSON.stringify; // called on strings only, where no toJSON of the page's can interfere
const round = Math.round;
const WeakReference = WeakRef;
const derefOf = uncurried(WeakRef.prototype.deref);
const charCodeAt = uncurried(String.prototype.charCodeAt);
const slice = uncurried(String.prototype.slice);
const indexOf = uncurried(String.prototype.indexOf);
const lower = uncurried(String.prototype.toLowerCase);
const ownKeys = Object.keys;
const toNumber = parseFloat;

const nodeType = getterOf(Node.prototype, "nodeType");
const firstChild = getterOf(Node.prototype, "firstChild");
const nextSibling = getterOf(Node.prototype, "nextSibling");
const previousSibling = getterOf(Node.prototype, "previousSibling");
const parentNode = getterOf(Node.prototype, "parentNode");
const ownerDocument = getterOf(Node.prototype, "ownerDocument");
const isConnected = getterOf(Node.prototype, "isConnected");
const rootOf = uncurried(Node.prototype.getRootNode);
const contains = uncurried(Node.prototype.contains);
const dataOf = getterOf(CharacterData.prototype, "data");
const localName = getterOf(Element.prototype, "localName");
const shadowRootOf = getterOf(Element.prototype, "shadowRoot");
const hostOf = getterOf(ShadowRoot.prototype, "host");
const idOf = getterOf(Element.prototype, "id");
const attribute = uncurried(Element.prototype.getAttribute);
const hasAttribute = uncurried(Element.prototype.hasAttribute);
const matches = uncurried(Element.prototype.matches);
const rectOf = uncurried(Element.prototype.getBoundingClientRect);
const clientRectsOf = uncurried(Element.prototype.getClientRects);
const isShown = uncurried(Element.prototype.checkVisibility);
const scrollTo = uncurried(Element.prototype.scrollIntoView);
const nextElement = getterOf(Element.prototype, "nextElementSibling");
const previousElement = getterOf(Element.prototype, "previousElementSibling");
const firstElement = getterOf(Element.prototype, "firstElementChild");
const scrollHeightOf = getterOf(Element.prototype, "scrollHeight");
const clientHeightOf = getterOf(Element.prototype, "clientHeight");
const scrollWidthOf = getterOf(Element.prototype, "scrollWidth");
const clientWidthOf = getterOf(Element.prototype, "clientWidth");
const clientLeftOf = getterOf(Element.prototype, "clientLeft");
const clientTopOf = getterOf(Element.prototype, "clientTop");
const appendChild = uncurried(Node.prototype.appendChild);
const removeNode = uncurried(Element.prototype.remove);
const attachShadow = uncurried(Element.prototype.attachShadow);
const createElement = uncurried(Document.prototype.createElement);
const setAttribute = uncurried(Element.prototype.setAttribute);
const setText = uncurried(Object.getOwnPropertyDescriptor(Node.prototype, "textContent").set);
const textContentOf = getterOf(Node.prototype, "textContent");
const showPopover = HTMLElement.prototype.showPopover ? uncurried(HTMLElement.prototype.showPopover) : () => {};
const assignedNodes = uncurried(HTMLSlotElement.prototype.assignedNodes);
const isContentEditable = softGetterOf(HTMLElement.prototype, "isContentEditable");
const styleOf = uncurried(window.getComputedStyle);
const inlineStyleOf = getterOf(HTMLElement.prototype, "style");
const setCssText = uncurried(Object.getOwnPropertyDescriptor(CSSStyleDeclaration.prototype, "cssText").set);
const propertyOf = uncurried(CSSStyleDeclaration.prototype.getPropertyValue);

const documentElementOf = getterOf(Document.prototype, "documentElement");
const bodyOf = getterOf(Document.prototype, "body");
const titleOf = getterOf(Document.prototype, "title");
const viewOf = getterOf(Document.prototype, "defaultView");
const activeElementOf = getterOf(Document.prototype, "activeElement");
const shadowActiveOf = getterOf(ShadowRoot.prototype, "activeElement");
const elementAt = uncurried(Document.prototype.elementFromPoint);
const shadowElementAt = uncurried(ShadowRoot.prototype.elementFromPoint);
const byId = uncurried(Document.prototype.getElementById);
const shadowById = uncurried(DocumentFragment.prototype.getElementById);
const queryFirst = uncurried(Document.prototype.querySelector);
const frameDocument = softGetterOf(HTMLIFrameElement.prototype, "contentDocument");
const oldFrameDocument = softGetterOf(HTMLFrameElement.prototype, "contentDocument");

const inputType = softGetterOf(HTMLInputElement.prototype, "type");
const inputValue = softGetterOf(HTMLInputElement.prototype, "value");
const inputChecked = softGetterOf(HTMLInputElement.prototype, "checked");
const inputMixed = softGetterOf(HTMLInputElement.prototype, "indeterminate");
const textareaValue = softGetterOf(HTMLTextAreaElement.prototype, "value");
const selectMultiple = softGetterOf(HTMLSelectElement.prototype, "multiple");
const selectSize = softGetterOf(HTMLSelectElement.prototype, "size");
const selectOptions = softGetterOf(HTMLSelectElement.prototype, "options");
const optionSelected = softGetterOf(HTMLOptionElement.prototype, "selected");
const optionDisabled = softGetterOf(HTMLOptionElement.prototype, "disabled");
const optionLabel = softGetterOf(HTMLOptionElement.prototype, "label");
const optionValue = softGetterOf(HTMLOptionElement.prototype, "value");
const labelControl = softGetterOf(HTMLLabelElement.prototype, "control");
const LABELS_OF = {
  __proto__: null,
  input: softGetterOf(HTMLInputElement.prototype, "labels"),
  select: softGetterOf(HTMLSelectElement.prototype, "labels"),
  textarea: softGetterOf(HTMLTextAreaElement.prototype, "labels"),
  button: softGetterOf(HTMLButtonElement.prototype, "labels"),
  meter: softGetterOf(HTMLMeterElement.prototype, "labels"),
  progress: softGetterOf(HTMLProgressElement.prototype, "labels"),
  output: softGetterOf(HTMLOutputElement.prototype, "labels"),
};
