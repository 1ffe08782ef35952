"""Extension types (RFC 8446 section 4.2): IANA names by code point.

IANA's registry as tshark 4.0.17 lists it, taken 2026-11-23; what is newer is from the
documents that tools/registry/extension_types.csv names.
Generated: python tools/registry/generate.py.
"""

from __future__ import annotations

from typing import Final

SERVER_NAME: Final = 0x0000
MAX_FRAGMENT_LENGTH: Final = 0x0001
CLIENT_CERTIFICATE_URL: Final = 0x0002
TRUSTED_CA_KEYS: Final = 0x0003
TRUNCATED_HMAC: Final = 0x0004
STATUS_REQUEST: Final = 0x0005
USER_MAPPING: Final = 0x0006
CLIENT_AUTHZ: Final = 0x0007
SERVER_AUTHZ: Final = 0x0008
CERT_TYPE: Final = 0x0009
SUPPORTED_GROUPS: Final = 0x000A
EC_POINT_FORMATS: Final = 0x000B
SRP: Final = 0x000C
SIGNATURE_ALGORITHMS: Final = 0x000D
USE_SRTP: Final = 0x000E
HEARTBEAT: Final = 0x000F
APPLICATION_LAYER_PROTOCOL_NEGOTIATION: Final = 0x0010
STATUS_REQUEST_V2: Final = 0x0011
SIGNED_CERTIFICATE_TIMESTAMP: Final = 0x0012
CLIENT_CERTIFICATE_TYPE: Final = 0x0013
SERVER_CERTIFICATE_TYPE: Final = 0x0014
PADDING: Final = 0x0015
ENCRYPT_THEN_MAC: Final = 0x0016
EXTENDED_MASTER_SECRET: Final = 0x0017
TOKEN_BINDING: Final = 0x0018
CACHED_INFO: Final = 0x0019
TLS_LTS: Final = 0x001A
COMPRESS_CERTIFICATE: Final = 0x001B
RECORD_SIZE_LIMIT: Final = 0x001C
PWD_PROTECT: Final = 0x001D
PWD_CLEAR: Final = 0x001E
PASSWORD_SALT: Final = 0x001F
TICKET_PINNING: Final = 0x0020
TLS_CERT_WITH_EXTERN_PSK: Final = 0x0021
DELEGATED_CREDENTIAL: Final = 0x0022
SESSION_TICKET: Final = 0x0023
SUPPORTED_EKT_CIPHERS: Final = 0x0027
PRE_SHARED_KEY: Final = 0x0029
EARLY_DATA: Final = 0x002A
SUPPORTED_VERSIONS: Final = 0x002B
COOKIE: Final = 0x002C
PSK_KEY_EXCHANGE_MODES: Final = 0x002D
CERTIFICATE_AUTHORITIES: Final = 0x002F
OID_FILTERS: Final = 0x0030
POST_HANDSHAKE_AUTH: Final = 0x0031
SIGNATURE_ALGORITHMS_CERT: Final = 0x0032
KEY_SHARE: Final = 0x0033
TRANSPARENCY_INFO: Final = 0x0034
CONNECTION_ID_DEPRECATED: Final = 0x0035
CONNECTION_ID: Final = 0x0036
EXTERNAL_ID_HASH: Final = 0x0037
EXTERNAL_SESSION_ID: Final = 0x0038
QUIC_TRANSPORT_PARAMETERS: Final = 0x0039
TICKET_REQUEST: Final = 0x003A
DNSSEC_CHAIN: Final = 0x003B
RRC: Final = 0x003D
NEXT_PROTOCOL_NEGOTIATION: Final = 0x3374
APPLICATION_SETTINGS_OLD: Final = 0x4469
APPLICATION_SETTINGS: Final = 0x44CD
CHANNEL_ID_OLD: Final = 0x754F
CHANNEL_ID: Final = 0x7550
ECH_OUTER_EXTENSIONS: Final = 0xFD00
ENCRYPTED_CLIENT_HELLO: Final = 0xFE0D
RENEGOTIATION_INFO: Final = 0xFF01
ENCRYPTED_SERVER_NAME: Final = 0xFFCE

NAMES: Final[dict[int, str]] = {
    0x0000: "server_name",
    0x0001: "max_fragment_length",
    0x0002: "client_certificate_url",
    0x0003: "trusted_ca_keys",
    0x0004: "truncated_hmac",
    0x0005: "status_request",
    0x0006: "user_mapping",
    0x0007: "client_authz",
    0x0008: "server_authz",
    0x0009: "cert_type",
    0x000A: "supported_groups",
    0x000B: "ec_point_formats",
    0x000C: "srp",
    0x000D: "signature_algorithms",
    0x000E: "use_srtp",
    0x000F: "heartbeat",
    0x0010: "application_layer_protocol_negotiation",
    0x0011: "status_request_v2",
    0x0012: "signed_certificate_timestamp",
    0x0013: "client_certificate_type",
    0x0014: "server_certificate_type",
    0x0015: "padding",
    0x0016: "encrypt_then_mac",
    0x0017: "extended_master_secret",
    0x0018: "token_binding",
    0x0019: "cached_info",
    0x001A: "tls_lts",
    0x001B: "compress_certificate",
    0x001C: "record_size_limit",
    0x001D: "pwd_protect",
    0x001E: "pwd_clear",
    0x001F: "password_salt",
    0x0020: "ticket_pinning",
    0x0021: "tls_cert_with_extern_psk",
    0x0022: "delegated_credential",
    0x0023: "session_ticket",
    0x0027: "supported_ekt_ciphers",
    0x0029: "pre_shared_key",
    0x002A: "early_data",
    0x002B: "supported_versions",
    0x002C: "cookie",
    0x002D: "psk_key_exchange_modes",
    0x002F: "certificate_authorities",
    0x0030: "oid_filters",
    0x0031: "post_handshake_auth",
    0x0032: "signature_algorithms_cert",
    0x0033: "key_share",
    0x0034: "transparency_info",
    0x0035: "connection_id_deprecated",
    0x0036: "connection_id",
    0x0037: "external_id_hash",
    0x0038: "external_session_id",
    0x0039: "quic_transport_parameters",
    0x003A: "ticket_request",
    0x003B: "dnssec_chain",
    0x003D: "rrc",
    0x3374: "next_protocol_negotiation",
    0x4469: "application_settings_old",
    0x44CD: "application_settings",
    0x754F: "channel_id_old",
    0x7550: "channel_id",
    0xFD00: "ech_outer_extensions",
    0xFE0D: "encrypted_client_hello",
    0xFF01: "renegotiation_info",
    0xFFCE: "encrypted_server_name",
}


def name_of(code: int) -> str:
    """The registered name, or `0x1234` in hexadecimal for a code point nobody registered."""
    return NAMES.get(code) or f"0x{code:04x}"
