using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Kalshi.Daemon.Primitives;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;

namespace Kalshi.Daemon.Simulation;

internal enum SignatureVerdict : byte
{
    Valid,

    /// <summary>None of the three headers is there.</summary>
    Unsigned,
    UnknownKey,

    /// <summary>The timestamp is not a number or too far from the server's clock.</summary>
    TimestampExpired,
    BadSignature,
}

/// <summary>
/// Checks `KALSHI-ACCESS-KEY`, `-TIMESTAMP` (Unix ms) and `-SIGNATURE` (base64) over `timestamp + METHOD + path` (no query):
/// RSA-PSS with SHA-256 and a salt of 32 bytes, or Ed25519. Thread-safe.
/// </summary>
internal sealed class SignatureCheck(ServerKey key, TimeSpan tolerance)
{
    private readonly Lock _lock = new();

    /// <param name="now">The server's clock, µs UTC, skew included.</param>
    public SignatureVerdict Check(string? keyId, string? timestamp, string? signature, string method, string path, long now)
    {
        if (string.IsNullOrEmpty(keyId) && string.IsNullOrEmpty(timestamp) && string.IsNullOrEmpty(signature))
        {
            return SignatureVerdict.Unsigned;
        }

        if (keyId != key.Id)
        {
            return SignatureVerdict.UnknownKey;
        }

        if (!long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
            || Math.Abs((now / Micros.PerMillisecond) - milliseconds) > tolerance.TotalMilliseconds)
        {
            return SignatureVerdict.TimestampExpired;
        }

        var bytes = new byte[1_024];
        if (signature is null || !Convert.TryFromBase64String(signature, bytes, out var length))
        {
            return SignatureVerdict.BadSignature;
        }

        lock (_lock)
        {
            return key.Verify(Encoding.UTF8.GetBytes(timestamp + method + path), bytes.AsSpan(0, length)) ? SignatureVerdict.Valid : SignatureVerdict.BadSignature;
        }
    }
}

internal enum KeyKind : byte
{
    Rsa,
    Ed25519,
}

/// <summary>The one API key of the simulator: made at start, its private half written as PKCS#8 PEM for the clients.</summary>
internal sealed class ServerKey
{
    /// <summary>DER before the 32 bytes of an Ed25519 seed in a PKCS#8 private key (RFC 8410, section 7).</summary>
    private static readonly byte[] Ed25519Prefix = Convert.FromHexString("302E020100300506032B657004220420");

    private readonly RSA? _rsa;
    private readonly Ed25519PublicKeyParameters? _ed25519;

    private ServerKey(string id, string privatePem, RSA? rsa, Ed25519PublicKeyParameters? ed25519)
    {
        Id = id;
        PrivatePem = privatePem;
        _rsa = rsa;
        _ed25519 = ed25519;
    }

    public string Id { get; }

    public string PrivatePem { get; }

    public static ServerKey Generate(KeyKind kind)
    {
        var id = Guid.NewGuid().ToString();
        if (kind == KeyKind.Rsa)
        {
            var rsa = RSA.Create(2_048);
            return new ServerKey(id, rsa.ExportPkcs8PrivateKeyPem(), rsa, null);
        }

        var seed = RandomNumberGenerator.GetBytes(32);
        var secret = new Ed25519PrivateKeyParameters(seed);
        return new ServerKey(id, PemEncoding.WriteString("PRIVATE KEY", [.. Ed25519Prefix, .. seed]), null, secret.GeneratePublicKey());
    }

    public bool Verify(byte[] text, ReadOnlySpan<byte> signature)
    {
        if (_rsa is not null)
        {
            return _rsa.VerifyData(text, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pss);
        }

        var verifier = new Ed25519Signer();
        verifier.Init(false, _ed25519);
        verifier.BlockUpdate(text, 0, text.Length);
        return signature.Length == 64 && verifier.VerifySignature(signature.ToArray());
    }
}
