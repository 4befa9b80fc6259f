/** The HTTP interface and the metrics endpoint. Errors are problem details (RFC 9457). */
package io.engram.app.http;
