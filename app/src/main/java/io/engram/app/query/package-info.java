/** Asking the stores of this instance, and writing to the lanes on behalf of HTTP clients. */
package io.engram.app.query;
