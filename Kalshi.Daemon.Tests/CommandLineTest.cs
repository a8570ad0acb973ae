using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests;

internal sealed class CommandLineTest
{
    private static readonly CommandOption[] Declared = [new("duration", "T", ""), new("seed", "N", ""), new("speed", "X", ""), new("json", null, "")];

    [Test]
    public void Values_follow_or_are_joined_by_an_equals_sign()
    {
        var line = Parse("--duration", "60s", "--seed=-5", "--json", "--set", "a.b=c", "--set=d.e=f=g", "--speed=--x");
        Assert.Multiple(() =>
        {
            Assert.That(line.Duration("duration"), Is.EqualTo(TimeSpan.FromMinutes(1)));
            Assert.That(line.Integer("seed"), Is.EqualTo(-5));
            Assert.That(line.Has("json"));
            Assert.That(line.Values("set"), Is.EqualTo(new[] { "a.b=c", "d.e=f=g" }));
            Assert.That(line.Value("speed"), Is.EqualTo("--x"));
            Assert.That(line.Value("config"), Is.Null);
            Assert.That(line.Duration("nothing"), Is.Null);
        });
    }

    [Test]
    public void The_last_of_a_repeated_option_counts() => Assert.That(Parse("--seed", "1", "--seed", "2").Integer("seed"), Is.EqualTo(2));

    [Test]
    public void Bare_arguments_keep_their_order() =>
        Assert.That(CommandLine.Parse("x", ["a", "--json", "b", "-"], Declared).Positional, Is.EqualTo(new[] { "a", "b", "-" }));

    [TestCase("kalshid x has no option --seeed (did you mean \"--seed\"?); see kalshid x --help.", "--seeed", "1")]
    [TestCase("kalshid x has no option --seeed (did you mean \"--seed\"?); see kalshid x --help.", "--seeed=1")]
    [TestCase("kalshid x has no option --Seed (did you mean \"--seed\"?); see kalshid x --help.", "--Seed")]
    [TestCase("kalshid x has no option --quite-other; see kalshid x --help.", "--quite-other")]
    [TestCase("kalshid x has no option -json (did you mean \"--json\"?); see kalshid x --help.", "-json")]
    [TestCase("--seed needs a value: --seed N.", "--seed")]
    [TestCase("--seed needs a value: --seed N.", "--seed", "--json")]
    [TestCase("--json takes no value.", "--json=1")]
    [TestCase("kalshid x: \"b\" is one argument too many; see kalshid x --help.", "a", "b")]
    public void A_wrong_line_is_refused_in_one_sentence(string sentence, params string[] arguments) =>
        Assert.That(() => Parse(arguments), Refuses(sentence));

    [TestCase("5")]
    [TestCase("")]
    [TestCase("-5s")]
    [TestCase("5 minutes")]
    [TestCase("Infinitys")]
    public void A_wrong_duration_is_refused(string text) =>
        Assert.That(() => Parse("--duration=" + text).Duration("duration"), Refuses($"--duration {text}: expected a duration such as 500ms, 60s or 2h."));

    [TestCase("1.5")]
    [TestCase("1,000")]
    [TestCase("99999999999999999999")]
    public void A_wrong_integer_is_refused(string text) =>
        Assert.That(() => Parse("--seed", text).Integer("seed"), Refuses($"--seed {text}: expected a whole number."));

    [TestCase("NaN")]
    [TestCase("1e999")]
    [TestCase("1,5")]
    public void A_wrong_number_is_refused(string text) =>
        Assert.That(() => Parse("--speed", text).Number("speed"), Refuses($"--speed {text}: expected a number."));

    [Test]
    public void No_mode_declares_an_option_twice_or_without_help()
    {
        foreach (var mode in Modes.All)
        {
            var options = mode.Options.Concat(CommandLine.Common).ToArray();
            Assert.That(options.Select(option => option.Name), Is.Unique, mode.Name);
            Assert.That(options, Has.All.Matches<CommandOption>(option => option!.Help.Length > 0 && option.Name.All(c => char.IsAsciiLetterLower(c) || c == '-')), mode.Name);
        }
    }

    private static CommandLine Parse(params string[] arguments) => CommandLine.Parse("x", arguments, Declared, positionalMax: 1);

    private static NUnit.Framework.Constraints.IResolveConstraint Refuses(string sentence) =>
        Throws.TypeOf<SetupException>().With.Property("ExitCode").EqualTo(ExitCode.Usage).And.Message.EqualTo(sentence);
}
