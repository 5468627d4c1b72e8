#pragma once
// A few valid lines of every trace format: what the mutation test and the fuzzer start from.

#include <map>
#include <string>

namespace kvsim {

inline const std::map<std::string, std::string>& trace_samples() {
  static const std::map<std::string, std::string> samples{
      {"aiperf",
       R"({"session_id": "a", "timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [1, 2]}
{"session_id": "a", "delay": 250.5, "input_tokens": 40, "output_tokens": 3, "priority": 2}
{"session_id": 7, "created_time": 10, "text_input": "a \"b\" \u00e9", "input_length": 9, "output_length": 1}
{"session_id": 7, "delay_ms": 1e3, "input_length": 9, "output_length": 1}
)"},
      {"azure",
       "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
       "2023-11-16 18:17:03.9799600,4808,10\r\n"
       "2024-05-10T00:00:00.009930+00:00,110,27\r\n"},
      {"burstgpt",
       "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log "
       "Type\n"
       "5,a,1.5,ChatGPT,472,18,490,Conversation log\n"
       "45.5,a,2,GPT-4,1087,0,1087,\"API, log\"\n"
       "118,,2,GPT-4,417,276,693,API log\n"},
      {"measured",
       "index,arrival_time_us,input_tokens,output_tokens,prompt_id,has_error,ttft_ms,e2e_ms\n"
       "0,0,591,140,a,0,130.224,1943.702\n"
       "1,53490,589,48,b,1,,\n"
       "2,60000,591,48,a,0,79.56,1897.604\n"},
      {"mooncake",
       R"({"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [0, 7]}
{"timestamp": 27482, "input_length": 512, "output_length": 52, "hash_ids": [0]}
)"},
      {"qwen-bailian",
       R"({"chat_id":159,"parent_chat_id":-1,"timestamp":61.114,"input_length":33,"output_length":132,"type":"text","turn":1,"hash_ids":[1089,1090,13148]}
{"chat_id":160,"parent_chat_id":159,"timestamp":62,"input_length":40,"output_length":1,"type":"text","turn":2,"hash_ids":[1089,1090]}
)"},
      {"spans",
       R"({"timestamp": 1.5, "input_length": 20, "output_length": 4, "session_id": 3, "spans": [[1, 0, 16], [13835058055282163715, 0, 8]]}
{"timestamp": 2, "delay": 0.5, "input_length": 24, "output_length": 4, "session_id": 3, "turn": 1, "priority": -2, "spans": [[1, 0, 16], [13835058055282163715, 0, 12]]}
)"},
      {"splitwise",
       "request_id,request_type,application_id,arrival_timestamp,batch_size,prompt_size,token_"
       "size\n"
       "0,0,0,0.0,1,374,44\n"
       "1,0,0,4.31,1,396,109\n"},
      {"token-ids",
       R"({"input_toks":3,"output_toks":2,"arrival_time_ns":0,"input_tok_ids":[1,2,3],"output_tok_ids":[4,9]}
{"session_id":"t0","arrival_time_ns":4059740,"sub_requests":[{"input_toks":1472,"output_toks":133,"tool_duration_ns":127348767},{"input_toks":1700,"output_toks":10}]}
)"},
      {"vidur",
       "arrived_at,num_prefill_tokens,num_decode_tokens\n"
       "0.25,374,44\n"
       "1.5e1,396.0,109\n"},
  };
  return samples;
}

}  // namespace kvsim
