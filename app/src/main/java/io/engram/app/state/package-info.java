/** What an instance keeps on its disk: whether it belongs here, whether it is fresh, and whether it agrees with itself. */
package io.engram.app.state;
