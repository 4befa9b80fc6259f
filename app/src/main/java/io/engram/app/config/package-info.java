/** The one typed configuration: keys, defaults, environment variables, and where values come from. */
package io.engram.app.config;
