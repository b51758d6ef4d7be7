import { createTheme, Modal } from "@mantine/core";

/** Colours and sizes are in styles/tokens.css: with a strict content security policy no style can be written at run time. */
export const theme = createTheme({
  fontFamily: "var(--cs-font)",
  defaultRadius: 8,
  respectReducedMotion: true,
  components: {
    // The scroll lock writes a style element; the page itself never scrolls.
    Modal: Modal.extend({ defaultProps: { lockScroll: false, centered: true, transitionProps: { duration: 120 } } }),
  },
});
