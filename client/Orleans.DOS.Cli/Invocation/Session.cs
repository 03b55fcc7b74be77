using System.CommandLine;
using Orleans.DOS.Cli.Contexts;
using Orleans.DOS.Client.Http;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Cli;

/// <summary>What a command works with: the parsed line, the machine (connected at its first use) and where to write.</summary>
internal sealed class Session(ParseResult parsed) : IDisposable
{
    private HttpMachine? _machine;
    private ClusterPlace? _place;

    public bool Json { get; } = parsed.GetValue(GlobalOptions.Json);
    /// <exception cref="DosException">InvalidArgument: the command is about a cluster elsewhere.</exception>
    public DataFolder Data => Place.Data;
    public IMachine Machine => _machine ??= Connect();

    public T Get<T>(Option<T> option) => parsed.GetValue(option)!;
    public T Get<T>(Argument<T> argument) => parsed.GetValue(argument)!;

    public void Dispose() => _machine?.Dispose();

    /// <summary>Gives a command its action: the session is opened for it, and its failure becomes a sentence and an exit code.</summary>
    public static Command On(Command command, Func<Session, CancellationToken, Task<int>> action)
    {
        command.SetAction(async (parsed, cancellation) =>
        {
            try
            {
                using var session = new Session(parsed);
                return await action(session, cancellation);
            }
            catch (Exception failure) when (StandardOutput.IsReaderGone(failure))
            {
                // 'dos fs cat BIG | head': who reads has enough, and needs no sentence.
                return StandardOutput.ReaderGoneExitCode;
            }
            catch (Exception failure)
            {
                return Failure.Tell(Failure.Of(failure));
            }
        });
        return command;
    }

    public static Command On(Command command, Func<Session, CancellationToken, Task> action) => On(command, async (session, cancellation) =>
    {
        await action(session, cancellation);
        return 0;
    });

    /// <exception cref="DosException">InvalidArgument.</exception>
    public static Uri Address(string text) => Uri.TryCreate(text, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
        ? url
        : throw new DosException(DosErrorCode.InvalidArgument, $"'{text}' is no address of a node");

    private HttpMachine Connect()
    {
        var urls = Get(GlobalOptions.Url) is { Length: > 0 } given ? given.Select(Address).ToArray() : Place.Urls();
        return HttpMachine.Create(new HttpMachineOptions { Urls = urls, Token = Token(), Machine = Get(GlobalOptions.Machine) ?? Place.Machine ?? "main" });
    }

    private ClusterPlace Place => _place ??= ClusterPlace.Of(Get(GlobalOptions.Data), Get(GlobalOptions.Context));

    private string Token() => Get(GlobalOptions.Credential) switch
    {
        "-" => Console.In.ReadLine()?.Trim() ?? "",
        { } file => File.ReadAllText(file).Trim(),
        null => Place.Token(),
    };
}
