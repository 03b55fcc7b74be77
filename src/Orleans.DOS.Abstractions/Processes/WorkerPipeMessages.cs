using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orleans.DOS.Processes;

/// <summary>The first words of a worker: which of the node's workers it is, proof of it, and what it can run.</summary>
public sealed record WorkerHello(long Worker, string Secret, IReadOnlyList<string> Programs, IReadOnlyList<string> JobPrograms);

/// <summary>The door of the machine for one program or task: its node's HTTP API on a Unix socket, and the credential that opens it.</summary>
public sealed record WorkerDoor(string ApiSocketPath, string Token, string Machine);

/// <summary>What a worker needs to run one incarnation; pid and incarnation stand in the frame.</summary>
public sealed record WorkerStart
{
    public required string Program { get; init; }
    public required IReadOnlyList<string> Arguments { get; init; }
    public required IReadOnlyDictionary<string, string> Environment { get; init; }
    public required string WorkingDirectory { get; init; }
    public required WorkerDoor Door { get; init; }
    /// <summary>Standard input is at its end from the start: no frame says so.</summary>
    public bool HasNoInput { get; init; }
}

/// <summary>The JSON of the pipe's structured payloads; generated at build time, because a worker must start fast.</summary>
[JsonSerializable(typeof(WorkerHello))]
[JsonSerializable(typeof(WorkerStart))]
public sealed partial class WorkerPipeJson : JsonSerializerContext
{
    /// <exception cref="InvalidDataException">The payload is not what the frame's type says.</exception>
    public static T Parse<T>(ReadOnlyMemory<byte> payload, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(payload.Span, type) ?? throw new InvalidDataException($"An empty {typeof(T).Name} on the worker pipe");
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"Not a {typeof(T).Name} on the worker pipe", exception);
        }
    }
}
