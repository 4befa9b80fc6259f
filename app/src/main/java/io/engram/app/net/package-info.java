/** Host names, addresses and URLs of instances. */
package io.engram.app.net;
