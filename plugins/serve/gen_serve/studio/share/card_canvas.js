// Draws a card on a canvas, for PNG.

import { COLOURS, FACES } from "./card.js";

const FINENESS = 2; // pixels of the picture for each unit of the card

const DRAW = {
  box(pen, { x, y, width, height, fill, round }) {
    pen.fillStyle = fill;
    pen.beginPath();
    pen.roundRect(x, y, width, height, round ?? 0);
    pen.fill();
  },
  frame(pen, { x, y, width, height, stroke, thick }) {
    pen.strokeStyle = stroke;
    pen.lineWidth = thick;
    pen.strokeRect(x, y, width, height);
  },
  line(pen, { x, y, to }) {
    pen.strokeStyle = COLOURS.edge;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(x, to);
    pen.stroke();
  },
  char(pen, { char, x, y, size, fill }) {
    pen.fillStyle = fill;
    pen.font = `${size}px ${FACES}`;
    pen.fillText(char, x, y);
  },
};

/** The card as a PNG file. */
export function pngFile({ width, height, shapes }) {
  const canvas = document.createElement("canvas");
  canvas.width = width * FINENESS;
  canvas.height = height * FINENESS;
  const pen = canvas.getContext("2d");
  pen.scale(FINENESS, FINENESS);
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (const shape of shapes) DRAW[shape.kind](pen, shape);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
