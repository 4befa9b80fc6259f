/**
 * The indexes of a partition's large spaces and their life: opened from files or built, kept in step with the store by its
 * journal, saved, closed. {@link io.engram.topology.follow.FollowerState} is its table; what is read of the store comes
 * through {@link io.engram.topology.follow.FollowedStore} and {@link io.engram.topology.follow.StoredValues}.
 */
package io.engram.topology.follow;
