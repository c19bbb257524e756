#pragma once
#include <stddef.h>
#include <stdint.h>

/// Keccak-256 by XKCP's portable 64-bit C, which swift-crypto carries and links for SHA-3.
void peer_xkcp_keccak256(const uint8_t *input, size_t length, uint8_t output[32]);

/// libsecp256k1: parse a 65-byte signature (recovery id 0..3 last), recover, serialise. 1 when it succeeded.
int peer_secp256k1_recover(const uint8_t signature[65], const uint8_t digest[32], uint8_t key[65]);

/// libsecp256k1: verify a 64-byte signature under a 33-byte key. 1 when it is valid.
int peer_secp256k1_verify(const uint8_t signature[64], const uint8_t digest[32], const uint8_t key[33]);

/// libsecp256k1: sign `digest`; the recovery id goes last. 1 when it succeeded. For making test signatures.
int peer_secp256k1_sign(const uint8_t secret[32], const uint8_t digest[32], uint8_t signature[65], uint8_t key[33]);
