using System.Security.Cryptography;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.EndToEnd;

/// <summary>`kalshid check` against the simulator: each line says ok, or what to do.</summary>
internal sealed class CheckTest
{
    private Rehearsal _rehearsal = null!;

    [SetUp]
    public void SetUp() => _rehearsal = new Rehearsal();

    [TearDown]
    public void TearDown() => _rehearsal.Dispose();

    [TestCase("rsa", "RSA-PSS")]
    [TestCase("ed25519", "Ed25519")]
    public void All_is_well_with_either_kind_of_key(string kind, string algorithm)
    {
        _rehearsal.StartExchange("--key", kind);
        var check = _rehearsal.Run("check");
        foreach (var what in (string[])["config", "key", "disk", "rest", "clock", "account", "websocket"])
        {
            Assert.That(check.Output, Does.Match($"(?m)^ok +{what} "), check.Output + check.Error);
        }

        Assert.That((check.ExitCode, check.Output.Contains("FAIL", StringComparison.Ordinal)), Is.EqualTo((ExitCode.Ok, false)));
        Assert.That(check.Output, Does.Contain(algorithm));
    }

    [Test]
    public void A_key_of_somebody_else_is_refused_by_account_and_socket()
    {
        _rehearsal.StartExchange();
        using var other = RSA.Create(2048);
        File.WriteAllText(_rehearsal.File("other.pem"), other.ExportPkcs8PrivateKeyPem());
        var check = _rehearsal.Run("check", "--set", $"exchange.key_file={_rehearsal.File("other.pem")}");
        Assert.That(check.ExitCode, Is.EqualTo(ExitCode.Failed), check.Output);
        Assert.That(check.Output, Does.Match("(?m)^FAIL account .*401").And.Match("(?m)^FAIL websocket .*401").And.Match("(?m)^ok +key "));
    }

    [Test]
    public void A_clock_that_is_off_is_measured()
    {
        _rehearsal.StartExchange("--fault", "skew by=60s", "--start-now");
        var check = _rehearsal.Run("check");
        Assert.That(check.ExitCode, Is.EqualTo(ExitCode.Failed), check.Output);
        Assert.That(check.Output, Does.Match("(?m)^FAIL clock +(59|60|61) s behind the exchange"));
    }

    [Test]
    public void An_exchange_that_does_not_answer_is_named()
    {
        _rehearsal.StartExchange();
        _rehearsal.Exchange.KillHard();
        var check = _rehearsal.Run("check");
        Assert.That(check.ExitCode, Is.EqualTo(ExitCode.Failed), check.Output);
        Assert.That(check.Output, Does.Match("(?m)^FAIL rest +http://127.0.0.1:").And.Match("(?m)^FAIL websocket +ws://127.0.0.1:").And.Match("(?m)^ok +disk "));
        Assert.That(check.Output + check.Error, Does.Not.Contain("   at "));
    }

    [Test]
    public void A_data_directory_that_cannot_be_written_is_named()
    {
        _rehearsal.StartExchange();
        File.WriteAllText(_rehearsal.File("file"), "");
        var check = _rehearsal.Run("check", "--set", $"gather.data_dir={_rehearsal.File("file")}/data");
        Assert.That(check.ExitCode, Is.EqualTo(ExitCode.Failed), check.Output);
        Assert.That(check.Output, Does.Match("(?m)^FAIL disk +gather.data_dir .*/file/data is not writable"));
    }
}
