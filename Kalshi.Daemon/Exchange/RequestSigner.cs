using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Kalshi.Daemon.Primitives;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.OpenSsl;

namespace Kalshi.Daemon.Exchange;

/// <summary>
/// Signs `timestamp + METHOD + path` (no query string) for REST calls and for each dial of a socket: RSA-PSS with SHA-256 and a
/// salt of 32 bytes, or Ed25519, by the kind of the key. Thread-safe.
/// </summary>
internal sealed class RequestSigner
{
    private readonly string _keyId;
    private readonly Func<byte[], byte[]> _sign;

    private RequestSigner(string keyId, string algorithm, Func<byte[], byte[]> sign)
    {
        _keyId = keyId;
        _sign = sign;
        Algorithm = algorithm;
    }

    /// <summary>"RSA-PSS 2048 bit" or "Ed25519", for `kalshid check`.</summary>
    public string Algorithm { get; }

    /// <summary>Reads a PEM private key (PKCS#8, PKCS#1). Throws <see cref="SetupException"/> that names the file and what is wrong.</summary>
    public static RequestSigner Load(string keyId, string keyFile)
    {
        if (keyId.Length == 0 || keyFile.Length == 0)
        {
            throw new SetupException(ExitCode.Config, $"exchange.{(keyId.Length == 0 ? "key_id" : "key_file")} is empty: the exchange signs every socket; make an API key and set exchange.key_id and exchange.key_file.");
        }

        string pem;
        try
        {
            pem = File.ReadAllText(keyFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SetupException(ExitCode.Config, $"Cannot read exchange.key_file {keyFile}: {e.Message}");
        }

        return FromPem(keyId, pem, keyFile);
    }

    public static RequestSigner FromPem(string keyId, string pem, string source)
    {
        if (TryReadEd25519(pem) is { } ed25519)
        {
            return new RequestSigner(keyId, "Ed25519", text => SignEd25519(ed25519, text));
        }

        var rsa = RSA.Create();
        try
        {
            rsa.ImportFromPem(pem);
            _ = rsa.ExportParameters(true);
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            throw new SetupException(ExitCode.Config, $"{source} holds no usable private key: expected a PEM file with an RSA or Ed25519 private key (\"-----BEGIN PRIVATE KEY-----\").");
        }

        var gate = new Lock();
        return new RequestSigner(keyId, $"RSA-PSS {rsa.KeySize} bit", text =>
        {
            lock (gate)
            {
                return rsa.SignData(text, HashAlgorithmName.SHA256, RSASignaturePadding.Pss);
            }
        });
    }

    /// <summary>Adds the three access headers, signed now: a header set is never reused, because its stamp ages.</summary>
    public void Sign(HttpRequestMessage request)
    {
        var timestamp = (Micros.Now() / Micros.PerMillisecond).ToString(CultureInfo.InvariantCulture);
        var text = $"{timestamp}{request.Method.Method}{request.RequestUri!.AbsolutePath}";
        request.Headers.Add("KALSHI-ACCESS-KEY", _keyId);
        request.Headers.Add("KALSHI-ACCESS-TIMESTAMP", timestamp);
        request.Headers.Add("KALSHI-ACCESS-SIGNATURE", Convert.ToBase64String(_sign(Encoding.UTF8.GetBytes(text))));
    }

    private static Ed25519PrivateKeyParameters? TryReadEd25519(string pem)
    {
        try
        {
            return new PemReader(new StringReader(pem)).ReadObject() as Ed25519PrivateKeyParameters;
        }
        catch (Exception e) when (e is IOException or Org.BouncyCastle.Security.GeneralSecurityException or ArgumentException or Org.BouncyCastle.Crypto.CryptoException or FormatException)
        {
            return null;
        }
    }

    private static byte[] SignEd25519(Ed25519PrivateKeyParameters key, byte[] text)
    {
        var signer = new Ed25519Signer();
        signer.Init(true, key);
        signer.BlockUpdate(text, 0, text.Length);
        return signer.GenerateSignature();
    }
}
