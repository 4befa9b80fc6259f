/** Shed records and others that were rejected find their way back to their lane. */
package io.engram.app.redelivery;
