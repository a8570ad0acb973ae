using System.Net;
using Kalshi.Daemon.Simulation;
using NUnit.Framework;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;

namespace Kalshi.Daemon.Tests.Simulation;

internal sealed class AuthenticationTest
{
    [Test]
    public async Task An_unsigned_upgrade_is_refused_and_a_signed_one_accepted()
    {
        await using var simulator = await SimulatorHarness.StartAsync();
        using var unsigned = await simulator.ConnectAsync([]);
        using var signed = await simulator.ConnectAsync();
        Assert.That(unsigned.RefusedWith, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That(signed.Socket.State, Is.EqualTo(System.Net.WebSockets.WebSocketState.Open));
    }

    [TestCase(-9_000, true)]
    [TestCase(9_000, true)]
    [TestCase(-60_000, false)]
    [TestCase(60_000, false)]
    public async Task A_timestamp_is_accepted_near_the_servers_clock_only(long offsetMs, bool isAccepted)
    {
        await using var simulator = await SimulatorHarness.StartAsync();
        using var client = await simulator.ConnectAsync(simulator.Sign("GET", SimulatedServer.WebSocketPath, offsetMs));
        Assert.That(client.RefusedWith, Is.EqualTo(isAccepted ? (HttpStatusCode)0 : HttpStatusCode.Unauthorized));

        var (status, body, _) = await simulator.GetAsync("/account/limits", simulator.Sign("GET", "/trade-api/v2/account/limits", offsetMs));
        Assert.That(status, Is.EqualTo(isAccepted ? HttpStatusCode.OK : HttpStatusCode.Unauthorized));
        if (!isAccepted)
        {
            Assert.That(body.GetProperty("error").GetProperty("code").GetString(), Is.EqualTo("header_timestamp_expired"));
        }
    }

    [Test]
    public async Task Wrong_keys_signatures_and_paths_are_401()
    {
        await using var simulator = await SimulatorHarness.StartAsync();
        var limits = "/trade-api/v2/account/limits";
        var (unknown, body, _) = await simulator.GetAsync("/account/limits", simulator.Sign("GET", limits, keyId: "another"));
        var (query, _, _) = await simulator.GetAsync("/account/limits?a=1", simulator.Sign("GET", limits + "?a=1"));
        var (method, _, _) = await simulator.GetAsync("/account/limits", simulator.Sign("POST", limits));
        var (shortened, _, _) = await simulator.GetAsync("/account/limits", simulator.Sign("GET", "/account/limits"));
        var (unsigned, _, _) = await simulator.GetAsync("/account/limits", []);
        var (optional, _, _) = await simulator.GetAsync("/exchange/status", []);
        Assert.That(body.GetRawText(), Does.Contain("NOT_FOUND"));
        Assert.That(new[] { unknown, query, method, shortened, unsigned }, Is.All.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That(optional, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public void An_ed25519_key_signs_the_same_text()
    {
        var key = ServerKey.Generate(KeyKind.Ed25519);
        var der = Convert.FromBase64String(string.Concat(key.PrivatePem.Split('\n')[1..^1]));
        var signer = new Ed25519Signer();
        signer.Init(true, new Ed25519PrivateKeyParameters(der.AsSpan(^32).ToArray()));
        var text = "1703123456789GET/trade-api/ws/v2"u8.ToArray();
        signer.BlockUpdate(text, 0, text.Length);
        var signature = signer.GenerateSignature();
        Assert.That(key.Verify(text, signature), Is.True);
        signature[5] ^= 1;
        Assert.That(key.Verify(text, signature), Is.False);
        Assert.That(key.PrivatePem, Does.StartWith("-----BEGIN PRIVATE KEY-----"));
    }
}
