/** Capacity planning: what a load needs, by the operations guide's formulas and this system's measured costs. */
package io.engram.app.capacity;
