#include "CPeers.h"
#include <secp256k1.h>
#include <secp256k1_recovery.h>

// Exported by the object files of swift-crypto's CXKCP, which the executable links anyway.
extern int KeccakWidth1600_Sponge(unsigned int rate, unsigned int capacity, const unsigned char *input,
                                  size_t inputByteLen, unsigned char suffix, unsigned char *output,
                                  size_t outputByteLen);

void peer_xkcp_keccak256(const uint8_t *input, size_t length, uint8_t output[32]) {
  KeccakWidth1600_Sponge(1088, 512, input, length, 0x01, output, 32);
}

int peer_secp256k1_recover(const uint8_t signature[65], const uint8_t digest[32], uint8_t key[65]) {
  secp256k1_ecdsa_recoverable_signature parsed;
  secp256k1_pubkey point;
  size_t length = 65;
  if (!secp256k1_ecdsa_recoverable_signature_parse_compact(secp256k1_context_static, &parsed, signature,
                                                           signature[64]))
    return 0;
  if (!secp256k1_ecdsa_recover(secp256k1_context_static, &point, &parsed, digest)) return 0;
  return secp256k1_ec_pubkey_serialize(secp256k1_context_static, key, &length, &point, SECP256K1_EC_UNCOMPRESSED);
}

int peer_secp256k1_verify(const uint8_t signature[64], const uint8_t digest[32], const uint8_t key[33]) {
  secp256k1_ecdsa_signature parsed;
  secp256k1_pubkey point;
  if (!secp256k1_ecdsa_signature_parse_compact(secp256k1_context_static, &parsed, signature)) return 0;
  if (!secp256k1_ec_pubkey_parse(secp256k1_context_static, &point, key, 33)) return 0;
  return secp256k1_ecdsa_verify(secp256k1_context_static, &parsed, digest, &point);
}

int peer_secp256k1_sign(const uint8_t secret[32], const uint8_t digest[32], uint8_t signature[65],
                        uint8_t key[33]) {
  secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
  secp256k1_ecdsa_recoverable_signature made;
  secp256k1_pubkey point;
  size_t length = 33;
  int recovery = 0;
  int done = secp256k1_ecdsa_sign_recoverable(context, &made, digest, secret, NULL, NULL) &&
             secp256k1_ec_pubkey_create(context, &point, secret) &&
             secp256k1_ecdsa_recoverable_signature_serialize_compact(context, signature, &recovery, &made) &&
             secp256k1_ec_pubkey_serialize(context, key, &length, &point, SECP256K1_EC_COMPRESSED);
  signature[64] = (uint8_t)recovery;
  secp256k1_context_destroy(context);
  return done;
}
