#include "control/token.h"

#include "relay/keyed_hash.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

// The bytes of a token, big-endian, written in base32hex (RFC 4648 §7) without padding, in lower case:
//
//	0        2       3      4          12      14      22
//	| node   | shard | kind | handle   | part  | check |
//
// check: SipHash of all before it.
enum {
	AT_NODE = 0,
	AT_SHARD = 2,
	AT_KIND = 3,
	AT_HANDLE = 4,
	AT_PART = 12,
	AT_CHECK = 14,
	TOKEN_BYTES = 22,
	TOKEN_DIGITS = (TOKEN_BYTES * 8 + 4) / 5,
	KEY_FILE_MIN = 32,
	KEY_FILE_MAX = 4096,
};
static_assert((int)TOKEN_DIGITS < (int)TOKEN_TEXT);

struct tokens {
	struct keyed_hash *keyed;
	uint16_t node_id;
	uint8_t shard; // one process takes all calls of a node, so far
};

static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

static void put_be(uint8_t *to, uint64_t value, int bytes) {
	for (int i = bytes - 1; i >= 0; i--, value >>= 8)
		to[i] = (uint8_t)value;
}

static uint64_t get_be(const uint8_t *from, int bytes) {
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | from[i];
	return value;
}

// The check's key is a digest of the whole file, so that its length and form are the operator's choice.
static int derive_key(const uint8_t *secret, size_t len, uint8_t key[static KEYED_HASH_KEY]) {
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(secret, len, digest, NULL, EVP_sha256(), NULL) != 1)
		return -EIO;
	memcpy(key, digest, KEYED_HASH_KEY);
	OPENSSL_cleanse(digest, sizeof(digest));
	return 0;
}

static int read_key(int fd, uint8_t key[static KEYED_HASH_KEY]) {
	uint8_t secret[KEY_FILE_MAX];
	struct stat st;
	ssize_t n;
	int ret;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return -EPERM;
	n = read(fd, secret, sizeof(secret));
	if (n < 0)
		return -errno;
	ret = n < KEY_FILE_MIN ? -EINVAL : derive_key(secret, (size_t)n, key);
	OPENSSL_cleanse(secret, sizeof(secret));
	return ret;
}

static int load_key(const char *path, uint8_t key[static KEYED_HASH_KEY]) {
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int ret;

	if (fd < 0)
		return -errno;
	ret = read_key(fd, key);
	close(fd);
	return ret;
}

int tokens_create(uint16_t node_id, const char *key_file, struct tokens **out) {
	uint8_t key[KEYED_HASH_KEY] = {0};
	struct tokens *t;
	int ret = key_file == NULL ? 0 : load_key(key_file, key);

	if (ret < 0)
		return ret;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->node_id = node_id;
	ret = keyed_hash_create(key_file == NULL ? NULL : key, &t->keyed);
	OPENSSL_cleanse(key, sizeof(key));
	if (ret < 0) {
		tokens_destroy(t);
		return ret;
	}
	*out = t;
	return 0;
}

void tokens_destroy(struct tokens *t) {
	if (t == NULL)
		return;
	keyed_hash_destroy(t->keyed);
	free(t);
}

static uint64_t check_of(struct tokens *t, const uint8_t bytes[static TOKEN_BYTES]) {
	return keyed_hash_of(t->keyed, bytes, AT_CHECK);
}

static void encode(const uint8_t bytes[static TOKEN_BYTES], char *out) {
	for (int i = 0; i < TOKEN_DIGITS; i++) {
		int bit = i * 5, at = bit / 8;
		unsigned pair = (unsigned)bytes[at] << 8 | (at + 1 < TOKEN_BYTES ? bytes[at + 1] : 0);

		out[i] = digits[pair >> (11 - bit % 8) & 31];
	}
	out[TOKEN_DIGITS] = '\0';
}

static int digit_value(char c) {
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'v' ? c - 'a' + 10 : -1;
}

// One text a token: the bits left over behind the last byte are zero.
static bool decode(const char *text, uint8_t bytes[static TOKEN_BYTES]) {
	unsigned held = 0;
	int n_bits = 0, n = 0;

	for (int i = 0; i < TOKEN_DIGITS; i++) {
		int value = digit_value(text[i]);

		if (value < 0)
			return false;
		held = (held << 5 | (unsigned)value) & 0xfff;
		n_bits += 5;
		if (n_bits >= 8 && n < TOKEN_BYTES) {
			n_bits -= 8;
			bytes[n++] = (uint8_t)(held >> n_bits);
		}
	}
	return (held & ((1u << n_bits) - 1)) == 0;
}

void token_mint(struct tokens *t, char kind, uint64_t handle, uint16_t part, char out[static TOKEN_TEXT]) {
	uint8_t bytes[TOKEN_BYTES];

	put_be(bytes + AT_NODE, t->node_id, 2);
	bytes[AT_SHARD] = t->shard;
	bytes[AT_KIND] = (uint8_t)kind;
	put_be(bytes + AT_HANDLE, handle, 8);
	put_be(bytes + AT_PART, part, 2);
	put_be(bytes + AT_CHECK, check_of(t, bytes), 8);
	encode(bytes, out);
}

int token_open(struct tokens *t, char kind, struct span text, uint64_t *handle, uint16_t *part) {
	uint8_t bytes[TOKEN_BYTES], check[8];

	if (text.len != TOKEN_DIGITS || !decode(text.data, bytes))
		return -EBADMSG;
	put_be(check, check_of(t, bytes), 8);
	if (CRYPTO_memcmp(check, bytes + AT_CHECK, sizeof(check)) != 0)
		return -EBADMSG;
	if (get_be(bytes + AT_NODE, 2) != t->node_id || bytes[AT_SHARD] != t->shard ||
		bytes[AT_KIND] != (uint8_t)kind)
		return -EBADMSG;
	*handle = get_be(bytes + AT_HANDLE, 8);
	*part = (uint16_t)get_be(bytes + AT_PART, 2);
	return 0;
}
