using System.Security.Cryptography;
using System.Text;
using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.OpenSsl;
using Org.BouncyCastle.Security;

namespace Kalshi.Daemon.Tests.Exchange;

internal sealed class RequestSignerTest
{
    [Test]
    public void Rsa_signature_is_pss_over_timestamp_method_and_path_without_query()
    {
        using var rsa = RSA.Create(2048);
        foreach (var pem in new[] { rsa.ExportPkcs8PrivateKeyPem(), rsa.ExportRSAPrivateKeyPem() })
        {
            var (key, text, signature) = Sign(pem);
            Assert.That(key, Is.EqualTo("key-id"));
            Assert.That(rsa.VerifyData(text, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pss), Is.True);
        }
    }

    [Test]
    public void Ed25519_signature_verifies_with_the_public_key()
    {
        var generator = new Ed25519KeyPairGenerator();
        generator.Init(new Ed25519KeyGenerationParameters(new SecureRandom()));
        var pair = generator.GenerateKeyPair();
        using var pem = new StringWriter();
        new PemWriter(pem).WriteObject(new Pkcs8Generator(pair.Private));
        var (_, text, signature) = Sign(pem.ToString());
        var verifier = new Ed25519Signer();
        verifier.Init(false, pair.Public);
        verifier.BlockUpdate(text, 0, text.Length);
        Assert.That(verifier.VerifySignature(signature), Is.True);
    }

    [TestCase("", "holds no usable private key")]
    [TestCase("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "holds no usable private key")]
    [TestCase("not a key at all", "holds no usable private key")]
    public void A_bad_key_is_named_with_what_was_expected(string pem, string message)
    {
        var refused = Assert.Throws<SetupException>(() => RequestSigner.FromPem("id", pem, "my.pem"));
        Assert.That(refused!.Message, Does.Contain("my.pem").And.Contain(message));
        Assert.That(refused.ExitCode, Is.EqualTo(ExitCode.Config));
    }

    [Test]
    public void A_public_key_is_no_private_key()
    {
        using var rsa = RSA.Create(2048);
        Assert.Throws<SetupException>(() => RequestSigner.FromPem("id", rsa.ExportSubjectPublicKeyInfoPem(), "public.pem"));
    }

    [TestCase("", "x.pem", "exchange.key_id")]
    [TestCase("id", "", "exchange.key_file")]
    [TestCase("id", "/nowhere/x.pem", "/nowhere/x.pem")]
    public void A_missing_key_names_the_setting(string id, string file, string named)
    {
        var refused = Assert.Throws<SetupException>(() => RequestSigner.Load(id, file));
        Assert.That(refused!.Message, Does.Contain(named));
    }

    private static (string Key, byte[] Text, byte[] Signature) Sign(string pem)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "https://example.com/trade-api/v2/markets?limit=5&cursor=x");
        RequestSigner.FromPem("key-id", pem, "test").Sign(request);
        var timestamp = request.Headers.GetValues("KALSHI-ACCESS-TIMESTAMP").Single();
        Assert.That(Math.Abs(long.Parse(timestamp) - (Micros.Now() / 1000)), Is.LessThan(10_000));
        return (request.Headers.GetValues("KALSHI-ACCESS-KEY").Single(),
            Encoding.UTF8.GetBytes($"{timestamp}GET/trade-api/v2/markets"),
            Convert.FromBase64String(request.Headers.GetValues("KALSHI-ACCESS-SIGNATURE").Single()));
    }
}
