/** Gives a file to whoever sits in front of the browser. */
export function save(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser has taken it over by the next turn of its loop.
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}
