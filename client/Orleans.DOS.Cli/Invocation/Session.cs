using System.CommandLine;
using Orleans.DOS.Cli.Contexts;
using Orleans.DOS.Client.Http;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Cli;

/// <summary>What a command works with: the parsed line, the machine (connected at its first use) and where to write.</summary>
internal sealed class Session(ParseResult parsed) : IDisposable
{
    private HttpMachine? _door;
    private IMachine? _machine;
    private RequestId _request;
    private ClusterPlace? _place;

    public bool Json { get; } = parsed.GetValue(GlobalOptions.Json);
    /// <exception cref="DosException">InvalidArgument: the command is about a cluster elsewhere.</exception>
    public DataFolder Data => Place.Data;
    public IMachine Machine => _machine ??= (_door = Connect()).WithRequest(_request = Request());

    public T Get<T>(Option<T> option) => parsed.GetValue(option)!;
    public T Get<T>(Argument<T> argument) => parsed.GetValue(argument)!;

    public void Dispose() => _door?.Dispose();

    /// <summary>Gives a command its action: the session is opened for it, and its failure becomes a sentence and an exit code.</summary>
    public static Command On(Command command, Func<Session, CancellationToken, Task<int>> action)
    {
        command.SetAction(async (parsed, cancellation) =>
        {
            using var session = new Session(parsed);
            try
            {
                return await action(session, cancellation);
            }
            catch (Exception failure) when (StandardOutput.IsReaderGone(failure))
            {
                // 'dos fs cat BIG | head': who reads has enough, and needs no sentence.
                return StandardOutput.ReaderGoneExitCode;
            }
            catch (DosException unknown) when (unknown.Code == DosErrorCode.OutcomeUnknown && session._request != RequestId.None)
            {
                // The id of the command, from which those of its calls are made.
                return Failure.Tell(unknown.Error with { Message = $"{unknown.Message}; the same command with --request-id {session._request} repeats it without harm" });
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

    /// <summary>The token for doors that the user named.</summary>
    /// <exception cref="DosException">Unauthenticated: there is none, or it is that of another cluster.</exception>
    public string TokenFor(IEnumerable<Uri> doors) => Given() ?? Place.TokenFor(doors);

    /// <summary>Each command has one, so that it can be repeated as a whole.</summary>
    private RequestId Request() => Get(GlobalOptions.Request) is not { } text ? RequestId.New()
        : RequestId.TryParse(text, out var request) && request != RequestId.None ? request
        : throw new DosException(DosErrorCode.InvalidArgument, $"'{text}' is no request id: 16 hexadecimal digits, a dot and a number");

    private HttpMachine Connect()
    {
        var named = (Get(GlobalOptions.Url) ?? []).Select(Address).ToArray();
        return HttpMachine.Create(new HttpMachineOptions
        {
            Urls = named.Length > 0 ? named : Place.Urls(),
            Token = named.Length > 0 ? TokenFor(named) : Given() ?? Place.Token(),
            Machine = Get(GlobalOptions.Machine) ?? Place.Machine ?? "main",
        });
    }

    private ClusterPlace Place => _place ??= ClusterPlace.Of(Get(GlobalOptions.Data), Get(GlobalOptions.Context));

    private string? Given() => Get(GlobalOptions.Credential) switch
    {
        "-" => StandardInput.ReadToken(),
        { } file => File.ReadAllText(file).Trim(),
        null => null,
    };
}
