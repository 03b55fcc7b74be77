using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Orleans.DOS.Server;

/// <summary>Turns the end of a node that could not start or go on into one sentence and an exit code.</summary>
public static class NodeFailure
{
    /// <summary>Wrong options.</summary>
    public const int Usage = 2;

    /// <summary>Starting again will not help: the directory, the ports or the schema are someone else's.</summary>
    public const int Refused = 3;

    /// <summary>Something that the node needs is away; starting again may help.</summary>
    public const int Unavailable = 4;

    /// <summary>A bug.</summary>
    public const int Internal = 1;

    /// <summary>Writes the sentence with its code to standard error, and for a bug the whole exception; answers the exit code.</summary>
    public static int Tell(Exception failure)
    {
        var error = ErrorOf(failure);
        Console.Error.WriteLine(error is null ? $"dos node: {failure}" : $"dos node: {error.Message} ({error.Code})");
        return error?.Code switch
        {
            null => Internal,
            DosErrorCode.InvalidArgument => Usage,
            DosErrorCode.InUse or DosErrorCode.PortInUse or DosErrorCode.WrongCluster or DosErrorCode.SchemaTooNew or DosErrorCode.SchemaTooOld => Refused,
            _ => Unavailable,
        };
    }

    /// <summary>The first cause in an exception that is of the closed list or can be told as one; null for a bug.</summary>
    private static DosError? ErrorOf(Exception failure) => failure switch
    {
        DosException known => known.Error,
        AddressInUseException or SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } => new DosError(DosErrorCode.PortInUse, failure.Message),
        System.Data.Common.DbException => new DosError(DosErrorCode.Unavailable, $"the database failed: {failure.Message}"),
        AggregateException many => many.InnerExceptions.Select(ErrorOf).FirstOrDefault(error => error is not null),
        _ => failure.InnerException is { } inner ? ErrorOf(inner) : null,
    };
}
