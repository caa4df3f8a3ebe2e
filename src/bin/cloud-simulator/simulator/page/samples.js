// What the consumer can send besides texts, for a try.

/** A card. */
export const sampleCard = {
  type: "vertical",
  elements: [
    { type: "text", text: "My order", style: { bold: true, size: "large" } },
    { type: "text", text: "Headphones, blue, 2 pieces" },
    { type: "map", la: 52.37403, lo: 4.88969, tooltip: "Where I am" },
  ],
};

/** A small picture, as a data URL: a sunset. */
export function samplePicture() {
  const canvas = Object.assign(document.createElement("canvas"), { width: 480, height: 300 });
  const draw = canvas.getContext("2d");
  const sky = draw.createLinearGradient(0, 0, 0, 300);
  for (const [at, colour] of [[0, "#2b3a8f"], [0.55, "#d9748b"], [1, "#ffc27a"]]) sky.addColorStop(at, colour);
  draw.fillStyle = sky;
  draw.fillRect(0, 0, 480, 300);
  draw.fillStyle = "#fff1cf";
  draw.beginPath();
  draw.arc(330, 175, 38, 0, 7);
  draw.fill();
  for (const [colour, base, swing] of [["#54407f", 215, 26], ["#33285a", 250, 18]]) {
    draw.fillStyle = colour;
    draw.beginPath();
    draw.moveTo(0, 300);
    for (let x = 0; x <= 480; x += 8) draw.lineTo(x, base + swing * Math.sin(x / 55 + base));
    draw.lineTo(480, 300);
    draw.fill();
  }
  return canvas.toDataURL("image/png");
}

/** The service's word for the type of a file. */
export function typeOfFile(file) {
  const ending = file.name.split(".").at(-1).toUpperCase();
  return ["JPG", "JPEG", "PNG", "GIF", "TXT", "PDF"].includes(ending) ? ending : file.type.startsWith("image/") ? "IMG" : "TXT";
}
