import { Button, createTheme, Menu, Modal } from "@mantine/core";

/** Colours and sizes are in styles/tokens.css: with a strict content security policy no style can be written at run time. */
export const theme = createTheme({
  fontFamily: "var(--cs-font)",
  defaultRadius: 8,
  respectReducedMotion: true,
  components: {
    // Named, so that tokens.css can tell which buttons are filled.
    Button: Button.extend({ defaultProps: { variant: "filled" } }),
    // The placeholder is no menu item, which is all that a menu may hold; the first item has the focus instead.
    Menu: Menu.extend({ defaultProps: { withInitialFocusPlaceholder: false } }),
    // The scroll lock writes a style element; the page itself never scrolls.
    Modal: Modal.extend({ defaultProps: { lockScroll: false, centered: true, transitionProps: { duration: 120 } } }),
  },
});
